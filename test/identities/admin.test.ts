/** The admin route's answers: what it shows, adds and removes. */
import test from 'ava'
import { admin } from '../../src/identities/admin.ts'
import type { Identities } from '../../src/identities/identities.ts'
import { assumeRole } from '../../src/identities/sessions.ts'
import type { AccountConfig } from '../../src/identity.ts'
import { allow, book, HERE, roleArn, THERE, trusts, user } from './people.ts'

async function act(identities: Identities, method: string, document?: object | string) {
  const { status, body } = await admin(
    identities,
    method,
    typeof document === 'object' ? JSON.stringify(document) : (document ?? ''),
  )
  return { status, ...(JSON.parse(body) as { accounts?: AccountConfig[]; message?: string; code?: string }) }
}

const here = (members: object) => ({ accounts: [{ id: HERE, ...members }] })

test('everybody is shown as the config file has them, without secrets', async (t) => {
  const { identities } = await book(t)
  const { status, accounts } = await act(identities, 'GET')
  t.is(status, 200)
  t.deepEqual(accounts, [
    {
      ...{ id: HERE, accessKeys: [{ id: 'AKIAROOT' }] },
      users: [
        {
          ...{ name: 'alice', path: '/ops/', accessKeys: [{ id: 'AKIAALICE' }], groups: ['readers'] },
          ...{ policies: [{ name: 'assume', document: allow('sts:*') }], attachedPolicies: [], tags: { team: 'red' } },
        },
        {
          ...{
            name: 'bob',
            path: '/',
            accessKeys: [{ id: 'AKIABOB' }],
            groups: [],
            policies: [],
            attachedPolicies: [],
          },
          tags: {},
        },
      ],
      groups: [
        { name: 'readers', path: '/', policies: [], attachedPolicies: ['arn:aws:iam::aws:policy/ReadOnlyAccess'] },
      ],
      roles: [
        {
          ...{ name: 'app', path: '/service/', policies: [], attachedPolicies: [], trustPolicy: trusts(HERE) },
          ...{ description: '', maxSessionDuration: 3600, tags: { team: 'blue', stage: 'prod' } },
        },
      ],
      policies: [{ name: 'bound', path: '/', description: '', document: allow('kms:*') }],
    },
  ] as unknown as AccountConfig[])
})

test('what was shown can be put back, and nothing is different, keys and their secrets neither', async (t) => {
  const { identities } = await book(t)
  const shown = await act(identities, 'GET')
  t.deepEqual(await act(identities, 'PUT', { accounts: shown.accounts }), shown)
  t.is(identities.find('AKIAALICE')?.secret, 'of alice')
})

test('what is put is there at once and after a restart, beside what there was', async (t) => {
  const { identities, reopen } = await book(t)
  const { status } = await act(identities, 'PUT', {
    accounts: [
      {
        ...{ id: THERE, accessKeys: [{ id: 'AKIATHERE', secret: 'of there' }] },
        users: [{ name: 'eve', accessKeys: [{ id: 'AKIAEVE', secret: 'of eve' }] }],
      },
    ],
  })
  t.is(status, 200)
  for (const known of [identities, await reopen()]) {
    t.is(known.find('AKIAEVE')?.caller.arn, user('eve', THERE))
    t.is(known.find('AKIATHERE')?.caller.type, 'Root')
    t.is(known.find('AKIAALICE')?.caller.arn, user('ops/alice'))
  }
})

test('who is put takes the place of whoever has the same name, and keeps the keys', async (t) => {
  const { identities } = await book(t)
  const { principalId } = identities.principal(user('ops/alice'))
  await act(identities, 'PUT', here({ users: [{ name: 'alice', tags: { team: 'blue' } }] }))
  const { caller } = identities.find('AKIAALICE')!
  t.like(caller, { arn: user('alice'), principalId, tags: { team: 'blue' } })
  t.deepEqual(caller.policies.identity, [])
})

test('YAML will do', async (t) => {
  const { identities } = await book(t)
  t.is((await act(identities, 'PUT', `accounts: [{ id: '${HERE}', users: [{ name: carol }] }]`)).status, 200)
  t.is(identities.principal(user('carol')).userName, 'carol')
})

// Away with them ----------------------------------------------------------------------------------

test('a user goes with keys and sessions; others stay', async (t) => {
  const { identities, reopen } = await book(t)
  await act(identities, 'PUT', here({ users: [{ name: 'eve', accessKeys: [{ id: 'AKIAEVE', secret: 'of eve' }] }] }))
  const { status } = await act(identities, 'DELETE', here({ users: [{ name: 'eve' }] }))
  t.is(status, 200)
  for (const known of [identities, await reopen()]) {
    t.is(known.find('AKIAEVE'), undefined)
    t.throws(() => known.principal(user('eve')))
    t.not(known.find('AKIABOB'), undefined)
  }
})

test('a key goes and its user stays', async (t) => {
  const { identities } = await book(t)
  await act(identities, 'DELETE', here({ users: [{ name: 'alice', accessKeys: [{ id: 'AKIAALICE' }] }] }))
  t.is(identities.find('AKIAALICE'), undefined)
  t.is(identities.principal(user('ops/alice')).userName, 'alice')
})

test('a role goes with its sessions, and one made again has none of them', async (t) => {
  const { identities } = await book(t)
  const caller = identities.principal(user('ops/alice'))
  const { accessKeyId } = await assumeRole(identities, {
    caller,
    roleArn: roleArn('service/app'),
    roleSessionName: 'one',
  })
  t.not(identities.find(accessKeyId), undefined)
  await act(identities, 'DELETE', here({ roles: [{ name: 'app' }] }))
  await act(identities, 'PUT', here({ roles: [{ name: 'app', path: '/service/', trustPolicy: trusts(HERE) }] }))
  t.is(identities.find(accessKeyId), undefined)
})

test('a group goes, and its members are in it no longer even if there is another of the name', async (t) => {
  const { identities } = await book(t)
  await act(identities, 'DELETE', here({ groups: [{ name: 'readers' }] }))
  await act(
    identities,
    'PUT',
    here({ groups: [{ name: 'readers', policies: [{ name: 'all', document: allow('*') }] }] }),
  )
  t.deepEqual(identities.entity('user', HERE, 'alice')?.groups, [])
})

test('a policy goes, and is attached to nobody; whom it bounds it leaves nothing', async (t) => {
  const arn = `arn:aws:iam::${HERE}:policy/bound`
  const { identities } = await book(t)
  await act(identities, 'PUT', here({ users: [{ name: 'eve', attachedPolicies: [arn], permissionsBoundary: arn }] }))
  await act(identities, 'DELETE', here({ policies: [{ name: 'bound' }] }))
  t.like(identities.entity('user', HERE, 'eve'), { attached: [], boundary: arn })
  t.deepEqual(identities.principal(user('eve')).policies.boundary?.document.statements, [])
})

test('an account goes with all that is in it', async (t) => {
  const { identities } = await book(t)
  await act(identities, 'PUT', {
    accounts: [{ id: THERE, users: [{ name: 'eve' }], roles: [{ name: 'r', trustPolicy: trusts(THERE) }] }],
  })
  await act(identities, 'DELETE', { accounts: [{ id: THERE }] })
  for (const kind of ['user', 'role'] as const) t.deepEqual(identities.entities(kind, THERE), [])
  t.is(identities.entities('user', HERE).length, 2)
})

// No -----------------------------------------------------------------------------------------------

const refused = test.macro({
  title: (why = '') => `refused, and nothing changed: ${why}`,
  async exec(t, method: string, document: object | string | undefined, status: number, message: string) {
    const { identities } = await book(t)
    const [before, { epoch }] = [await act(identities, 'GET'), identities]
    t.like(await act(identities, method, document), { status, message })
    t.is(identities.epoch, epoch)
    t.deepEqual(await act(identities, 'GET'), before)
  },
})
test('another method', refused, 'PATCH', here({}), 405, 'PATCH is none of GET, PUT, DELETE')
test(
  'a method by which objects are called',
  refused,
  'constructor',
  here({}),
  405,
  'constructor is none of GET, PUT, DELETE',
)
test(
  'a document of another kind',
  refused,
  'PUT',
  { users: [] },
  400,
  'identities:1:2: unknown key `users`; there are `accounts`, `organization`',
)
test('text that is no document', refused, 'PUT', '{', 400, 'identities:1:2: Flow map must end with a }')
test(
  'a policy that is none',
  refused,
  'PUT',
  here({ users: [{ name: 'x' }, { name: 'y', policies: [{ name: 'p', document: {} }] }] }),
  400,
  'identities:1:104: `document`: Syntax errors in policy.',
)
test(
  'a new key without a secret',
  refused,
  'PUT',
  here({ accessKeys: [{ id: 'AKIANEW' }] }),
  400,
  'access key AKIANEW has no secret',
)
test(
  'a key of another account',
  refused,
  'PUT',
  { accounts: [{ id: THERE, accessKeys: [{ id: 'AKIABOB', secret: 'x' }] }] },
  400,
  "access key AKIABOB is another account's",
)
test(
  'away with one who is there and one who is not',
  refused,
  'DELETE',
  here({ users: [{ name: 'bob' }, { name: 'eve' }] }),
  404,
  `There is no user eve in account ${HERE}.`,
)
