/**
 * Decisions that are kept are those that would be made: random changes of everything a decision depends on, in between random
 * requests, whose outcome is compared with what the policies say when they are all asked anew.
 */
import test from 'ava'
import { KmsError, type CreateGrantRequest } from '../../src/index.ts'
import { bytes } from '../helpers/scene.ts'
import { Random } from '../simulation/random.ts'
import { allow, arn, delegating, deny, document, HOME, inline, stage, to, when } from './stage.ts'

const STEPS = 600
const WHO = [arn.user('one'), arn.user('two'), arn.session('app'), arn.root()]

const STATEMENTS = [
  delegating,
  allow('kms:Encrypt', to(arn.user('one'))),
  deny('kms:Encrypt', to(arn.user('one'))),
  allow('kms:*', to(arn.role('app'))),
  allow('kms:Encrypt', { Principal: '*', ...when('StringEquals', 'kms:EncryptionContext:dept', 'one') }),
  deny('kms:Encrypt', { Principal: '*', ...when('StringEquals', 'aws:ResourceTag/closed', 'yes') }),
  allow('kms:Encrypt', {
    ...to(arn.user('two')),
    ...when('ForAnyValue:StringEquals', 'kms:ResourceAliases', 'alias/open'),
  }),
  allow('kms:Encrypt', { ...to(arn.user('two')), ...when('DateLessThan', 'aws:CurrentTime', '2026-01-03T00:00:00Z') }),
  deny('kms:Encrypt', { ...to(arn.root()), ...when('StringEquals', 'kms:RequestAlias', 'alias/open') }),
]

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`what is kept is what would be decided: seed ${seed}`, async (t) => {
    const { room, as, pass } = await stage(t, {
      accounts: [
        {
          id: HOME,
          users: [{ name: 'one' }, { name: 'two' }],
          roles: [
            { name: 'app', trustPolicy: document(allow('sts:AssumeRole', { Principal: '*', Resource: undefined })) },
          ],
        },
      ],
    })
    const chaos = new Random(seed)
    const KeyId = (await room.createKey({})).KeyMetadata!.Arn!
    const clients = WHO.map((who) => ({ who, client: as(who) }))
    const grants: string[] = []
    // Whoever is locked out by what comes up is let in again by the store itself: here by a policy that spares the root.
    const spared = allow(
      ['kms:PutKeyPolicy', 'kms:CreateGrant', 'kms:RevokeGrant', 'kms:TagResource', 'kms:UntagResource', 'kms:*Alias'],
      to(arn.root()),
    )

    const CHANGES: (() => Promise<unknown>)[] = [
      () => room.putKeyPolicy({ KeyId, Policy: document(spared, ...STATEMENTS.filter(() => chaos.chance(0.4))) }),
      () => room.tagResource({ KeyId, Tags: [{ TagKey: 'closed', TagValue: chaos.pick(['yes', 'no']) }] }),
      () => room.createAlias({ AliasName: 'alias/open', TargetKeyId: KeyId }),
      () => room.deleteAlias({ AliasName: 'alias/open' }),
      async () => {
        const Constraints = chaos.chance(0.5) ? { EncryptionContextSubset: { dept: 'two' } } : undefined
        const wanted: CreateGrantRequest = {
          KeyId,
          GranteePrincipal: chaos.pick([arn.user('one'), arn.role('app')]),
          Operations: ['Encrypt'],
          Constraints,
        }
        grants.push((await room.createGrant(wanted, { expiresIn: chaos.pick(['1h', '1d', '10d']) })).GrantId!)
      },
      async () => {
        const GrantId = grants.shift()
        if (GrantId !== undefined) await room.revokeGrant({ KeyId, GrantId })
      },
      () => {
        const name = chaos.pick(['one', 'two'])
        const policies = chaos.chance(0.5)
          ? inline(allow('kms:Encrypt'))
          : chaos.chance(0.5)
            ? inline(deny('kms:Encrypt'))
            : {}
        return room.identities.declare([{ id: HOME, users: [{ name, ...policies }] }])
      },
      async () => pass(chaos.pick([1, 1_800_000, 43_200_000])),
    ]

    let [yes, no] = [0, 0]
    for (let step = 0; step < STEPS; step++) {
      // What is there already, or is not there, is no matter.
      if (chaos.chance(0.25))
        await chaos
          .pick(CHANGES)()
          .catch(() => undefined)
      const { who, client } = chaos.pick(clients)
      const dept = chaos.pick([undefined, 'one', 'two'])
      const EncryptionContext = dept === undefined ? undefined : { dept }
      const context: Record<string, string> = dept === undefined ? {} : { 'kms:EncryptionContext:dept': dept }
      const explained = await room.explain({ principal: who, action: 'kms:Encrypt', key: KeyId, context })
      const outcome = await client.encrypt({ KeyId, Plaintext: bytes('hello'), EncryptionContext }).then(
        () => 'Allow',
        (error: unknown) => (error instanceof KmsError && error.code === 'AccessDeniedException' ? 'Deny' : error),
      )
      t.is(outcome, explained.effect, `step ${step}: ${who}, ${String(dept)}: ${explained.because.join(' ')}`)
      if (outcome === 'Allow') yes++
      else no++
    }
    t.log(`${yes} allowed, ${no} refused`)
    t.true(yes > STEPS / 10 && no > STEPS / 10)
  })
}
