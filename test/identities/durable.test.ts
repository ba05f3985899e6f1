/** What is kept of identities: it is there after a restart, without its secrets in the clear, and under what is configured. */
import test from 'ava'
import { assumeRole } from '../../src/identities/sessions.ts'
import type { AccountConfig } from '../../src/identity.ts'
import type { Store } from '../../src/store/store.ts'
import { allow, book, HERE, NOON, refuses, role, roleArn, trusts, user } from './people.ts'

const CAROL = { name: 'carol', accessKeys: [{ id: 'AKIACAROL', secret: 'of carol' }] }
const NOBODY: readonly AccountConfig[] = []

test('who was declared is there after a restart, with the id and the date of before', async (t) => {
  const { identities, reopen, pass } = await book(t, NOBODY)
  const limit = { permissionsBoundary: 'arn:aws:iam::aws:policy/ReadOnlyAccess' }
  await identities.declare([{ id: HERE, users: [{ ...CAROL, ...limit }], roles: [role('app', trusts(HERE), limit)] }])
  pass(60)
  const again = await reopen()
  for (const kind of ['user', 'role'] as const) {
    t.deepEqual(again.entities(kind, HERE), identities.entities(kind, HERE))
    t.is(again.entities(kind, HERE).length, 1)
  }
  t.is(again.entity('user', HERE, 'carol')?.created, NOON)
  t.deepEqual(again.accounts(), [HERE])
})

test('an access key is the same after a restart', async (t) => {
  const { identities, reopen } = await book(t, NOBODY)
  await identities.declare([{ id: HERE, users: [CAROL] }])
  const { secret, sessionToken, caller } = (await reopen()).find('AKIACAROL')!
  t.deepEqual(
    { secret, sessionToken, arn: caller.arn },
    { secret: 'of carol', sessionToken: undefined, arn: user('carol') },
  )
})

test('who was removed is not', async (t) => {
  const { identities, reopen } = await book(t, NOBODY)
  await identities.declare([{ id: HERE, users: [CAROL, { name: 'dave' }] }])
  await identities.change(() => ({ remove: identities.entities('accessKey', HERE) }))
  await identities.change(() => ({ remove: [identities.entity('user', HERE, 'carol')!] }))
  const again = await reopen()
  t.deepEqual(
    again.entities('user', HERE).map(({ name }) => name),
    ['dave'],
  )
  t.is(again.find('AKIACAROL'), undefined)
})

test('what is configured holds over what was changed under its name, and the rest is left', async (t) => {
  const configured = [{ id: HERE, users: [{ ...CAROL, tags: { team: 'red' } }] }]
  const { identities, reopen } = await book(t, configured)
  await identities.declare([{ id: HERE, users: [{ ...CAROL, tags: { team: 'blue' } }, { name: 'dave' }] }])
  t.deepEqual(identities.principal(user('carol')).tags, { team: 'blue' })
  const again = await reopen()
  t.deepEqual(again.principal(user('carol')).tags, { team: 'red' })
  t.is(again.principal(user('dave')).userName, 'dave')
  await again.declare([{ id: HERE, users: [{ ...CAROL, tags: { team: 'green' } }] }])
  t.deepEqual(again.principal(user('carol')).tags, { team: 'green' })
  t.deepEqual((await reopen(NOBODY)).principal(user('carol')).tags, { team: 'green' })
})

test('nothing secret is in the store in the clear, and what is public is', async (t) => {
  const { identities, store } = await book(t, NOBODY)
  await identities.declare([{ id: HERE, users: [CAROL], roles: [role('app', trusts(user('carol')))] }])
  await identities.declare([
    { id: HERE, accessKeys: [{ id: 'AKIAROOT', secret: 'of the root', sessionToken: 'token-of-root' }] },
  ])
  const caller = identities.principal(user('carol'))
  const { accessKeyId, secret, token } = await assumeRole(identities, {
    ...{ caller, roleArn: roleArn('app'), roleSessionName: 'one' },
  })
  const kept = await bytesOf(store)
  for (const shown of ['AKIACAROL', 'AKIAROOT', accessKeyId, 'carol']) t.true(kept.includes(shown), shown)
  for (const hidden of ['of carol', 'of the root', 'token-of-root', secret, token]) {
    t.false(kept.includes(hidden))
    t.false(kept.includes(Buffer.from(hidden).toString('hex')))
  }
})

/** All that the table of identities holds. */
async function bytesOf(store: Store): Promise<Buffer> {
  const rows = await store.list('identities', '', [], null, 100)
  return Buffer.concat(
    rows.flatMap(({ values }) =>
      Object.values(values).map((value) => (value instanceof Uint8Array ? value : Buffer.from(String(value)))),
    ),
  )
}

// Changes -----------------------------------------------------------------------------------------

test('a change makes another caller, and counts', async (t) => {
  const { identities } = await book(t, [{ id: HERE, users: [CAROL] }])
  const { epoch } = identities
  const before = identities.principal(user('carol'))
  t.is(identities.principal(user('carol')), before, 'the same one as long as nothing changes')
  t.is(identities.find('AKIACAROL'), identities.find('AKIACAROL'))
  await identities.declare([
    { id: HERE, users: [{ ...CAROL, policies: [{ name: 'decrypt', document: allow('kms:Decrypt') }] }] },
  ])
  t.is(identities.epoch, epoch + 1)
  const after = identities.principal(user('carol'))
  t.deepEqual([before.policies.identity.length, after.policies.identity.length], [0, 1])
})

const refused = test.macro({
  title: (why = '') => `refused as a whole: ${why}`,
  async exec(t, users: AccountConfig['users'], roles: AccountConfig['roles'] = []) {
    const { identities, reopen } = await book(t, NOBODY)
    const { epoch } = identities
    const declared = identities.declare([{ id: HERE, users: [{ name: 'dave' }, ...(users ?? [])], roles }])
    await refuses(t, declared, 'MalformedPolicyDocumentException')
    t.is(identities.epoch, epoch)
    for (const known of [identities, await reopen()]) t.deepEqual(known.entities('user', HERE), [])
    await identities.declare([{ id: HERE, users: [CAROL] }])
    t.is(identities.principal(user('carol')).userName, 'carol', 'the next change is not affected')
  },
})
test('a policy that is none', refused, [{ name: 'eve', policies: [{ name: 'bad', document: '{}' }] }])
test('a policy that names somebody', refused, [{ name: 'eve', policies: [{ name: 'bad', document: trusts(HERE) }] }])
test('a trust policy that trusts nobody', refused, [], [role('app', allow('sts:AssumeRole'))])

test('changes that are asked for at once are made one after the other', async (t) => {
  const { identities, reopen } = await book(t, NOBODY)
  const { epoch } = identities
  const tag = (name: string) =>
    identities.change(() => {
      const carol = identities.entity('user', HERE, 'carol')!
      return { put: [{ ...carol, tags: { ...carol.tags, [name]: 'set' } }] }
    })
  await Promise.all([identities.declare([{ id: HERE, users: [CAROL] }]), tag('a'), tag('b'), tag('c')])
  t.is(identities.epoch, epoch + 4)
  for (const known of [identities, await reopen()]) {
    t.deepEqual(known.principal(user('carol')).tags, { a: 'set', b: 'set', c: 'set' })
  }
})
