/** What is hard about grants at work: crowds of them, changes in between, and fences that no grant is above. */
import test from 'ava'
import { allow, arn, AWAY, delegating, document, HOME, inline, stage } from '../authorize/stage.ts'
import { recordsOf } from '../helpers/inside.ts'
import { bytes, refuses } from '../helpers/scene.ts'

const Plaintext = bytes('hello')
const BOB = arn.user('bob')

const ACCOUNTS = [
  {
    id: HOME,
    accessKeys: [{ id: 'home', secret: 'home' }],
    users: [{ name: 'admin', ...inline(allow('*')) }, { name: 'bob' }],
  },
]

test('of a crowd of grants to one name, the one of the context counts, as long as it is there', async (t) => {
  const { as, key } = await stage(t, { accounts: ACCOUNTS })
  const KeyId = await key(delegating)
  const [admin, bob] = [as(arn.user('admin')), as(BOB)]
  const grant = (volume: number) =>
    admin.createGrant({
      KeyId,
      GranteePrincipal: BOB,
      Operations: ['Encrypt', 'DescribeKey'],
      Constraints: { EncryptionContextEquals: { volume: String(volume) } },
    })
  const encrypt = (volume: number) => bob.encrypt({ KeyId, Plaintext, EncryptionContext: { volume: String(volume) } })
  const made = await Promise.all(Array.from({ length: 150 }, (_, volume) => grant(volume)))
  for (const volume of [0, 77, 149]) await t.notThrowsAsync(encrypt(volume))
  await refuses(t, encrypt(150), 'AccessDeniedException')
  await refuses(t, bob.encrypt({ KeyId, Plaintext }), 'AccessDeniedException')
  await t.notThrowsAsync(bob.describeKey({ KeyId }))
  await grant(150)
  await t.notThrowsAsync(encrypt(150))
  await admin.revokeGrant({ KeyId, GrantId: made[77]!.GrantId! })
  await refuses(t, encrypt(77), 'AccessDeniedException')
  await t.notThrowsAsync(encrypt(78))
})

test('a grant that is revoked while it is looked up is not remembered', async (t) => {
  const { room, as, key } = await stage(t, { accounts: ACCOUNTS })
  const KeyId = await key(delegating)
  const admin = as(arn.user('admin'))
  const { GrantId } = await admin.createGrant({ KeyId, GranteePrincipal: BOB, Operations: ['Encrypt'] })
  const { grants } = recordsOf(room)
  const few = grants.few.bind(grants)
  grants.few = async (...asked) => {
    const found = await few(...asked)
    await admin.revokeGrant({ KeyId, GrantId: GrantId! })
    return found
  }
  await t.notThrowsAsync(as(BOB).encrypt({ KeyId, Plaintext }))
  grants.few = few
  await refuses(t, as(BOB).encrypt({ KeyId, Plaintext }), 'AccessDeniedException')
})

for (const [fence, allowed] of [
  ['kms:*', true],
  ['ec2:*', false],
] as const) {
  test(`where the organization lets an account ${fence}, a retiring principal of it may${allowed ? '' : ' not'} retire`, async (t) => {
    const { as, key } = await stage(t, {
      accounts: [...ACCOUNTS, { id: AWAY, users: [{ name: 'partner', ...inline(allow('*')) }, { name: 'idle' }] }],
      organization: {
        id: 'o-one1234567',
        managementAccount: HOME,
        root: {
          accounts: [
            { id: HOME },
            { id: AWAY, serviceControlPolicies: [{ name: 'fence', document: document(allow(fence)) }] },
          ],
        },
      },
    })
    const KeyId = await key(delegating)
    for (const name of ['partner', 'idle']) {
      const RetiringPrincipal = arn.user(name, AWAY)
      const input = { KeyId, GranteePrincipal: BOB, Operations: ['Encrypt' as const], RetiringPrincipal }
      const { GrantId } = await as(arn.user('admin')).createGrant(input)
      const act = as(RetiringPrincipal).retireGrant({ KeyId, GrantId })
      await (allowed ? t.notThrowsAsync(act) : refuses(t, act, 'AccessDeniedException'))
    }
  })
}

test('CreateGrant is explained', async (t) => {
  const { room, as, key } = await stage(t, { accounts: ACCOUNTS })
  const KeyId = await key(delegating)
  await as(arn.user('admin')).createGrant({ KeyId, GranteePrincipal: BOB, Operations: ['Encrypt', 'CreateGrant'] })
  t.is((await room.explain({ principal: BOB, action: 'kms:CreateGrant', key: KeyId })).effect, 'Allow')
  t.is((await room.explain({ principal: BOB, action: 'kms:Decrypt', key: KeyId })).effect, 'Deny')
})
