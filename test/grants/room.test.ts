/** Grants at work in a room: they let people in without any policy, and out again at once. */
import test from 'ava'
import { Grants } from '../../src/store/grants.ts'
import type { Store } from '../../src/store/store.ts'
import type { Client, CreateGrantRequest } from '../../src/index.ts'
import { bytes, refuses } from '../helpers/scene.ts'
import { allow, arn, AWAY, delegating, deny, HOME, inline, stage, to, type Stage } from '../authorize/stage.ts'

const HOUR = 3_600_000
const Plaintext = bytes('hello')
const BOB = arn.user('bob')

const ACCOUNTS = [
  {
    id: HOME,
    accessKeys: [{ id: 'home', secret: 'home' }],
    users: [
      { name: 'admin', ...inline(allow('*')) },
      { name: 'bob' },
      { name: 'eve' },
      { name: 'retirer', ...inline(allow('kms:RetireGrant')) },
      { name: 'barred', ...inline(deny('kms:RetireGrant'), deny('kms:Decrypt')) },
    ],
    roles: [{ name: 'app', trustPolicy: trust() }],
  },
  {
    id: AWAY,
    users: [{ name: 'partner', ...inline(allow('kms:*')) }, { name: 'idle' }],
  },
]

function trust(): string {
  const statement = { Effect: 'Allow', Principal: { AWS: arn.root() }, Action: 'sts:AssumeRole' }
  return JSON.stringify({ Version: '2012-10-17', Statement: [statement] })
}

interface Scene extends Stage {
  KeyId: string
  blob: Uint8Array
  /** Lets Bob decrypt, but for `more`. */
  grant(more?: Partial<CreateGrantRequest>, expiresIn?: string): Promise<{ GrantId: string; GrantToken: string }>
  decrypt(who: string, GrantTokens?: string[]): Promise<unknown>
}

async function scene(t: Parameters<typeof stage>[0], options: Parameters<typeof stage>[1] = {}): Promise<Scene> {
  const set = await stage(t, { accounts: ACCOUNTS, ...options })
  const KeyId = await set.key(delegating)
  const admin = set.as(arn.user('admin'))
  const blob = (await admin.encrypt({ KeyId, Plaintext })).CiphertextBlob!
  return {
    ...set,
    KeyId,
    blob,
    async grant(more = {}, expiresIn) {
      const input = { KeyId, GranteePrincipal: BOB, Operations: ['Decrypt' as const], ...more }
      const made = await admin.createGrant(input, expiresIn === undefined ? undefined : { expiresIn })
      return { GrantId: made.GrantId!, GrantToken: made.GrantToken! }
    },
    decrypt: (who, GrantTokens) => set.as(who).decrypt({ KeyId, CiphertextBlob: blob, GrantTokens }),
  }
}

const denied = (t: Parameters<typeof stage>[0], act: Promise<unknown>) => refuses(t, act, 'AccessDeniedException')

// In ------------------------------------------------------------------------------------------------

test('a grant lets somebody without any policy decrypt, and nothing else, and nobody else', async (t) => {
  const { KeyId, as, grant, decrypt } = await scene(t)
  await denied(t, decrypt(BOB))
  await grant()
  for (let i = 0; i < 3; i++) await t.notThrowsAsync(decrypt(BOB))
  const bob = as(BOB)
  const others: ((client: Client) => Promise<unknown>)[] = [
    (client) => client.encrypt({ KeyId, Plaintext }),
    (client) => client.describeKey({ KeyId }),
    (client) => client.generateDataKey({ KeyId, KeySpec: 'AES_256' }),
    (client) => client.createGrant({ KeyId, GranteePrincipal: BOB, Operations: ['Decrypt'] }),
    (client) => client.listGrants({ KeyId }),
    (client) => client.disableKey({ KeyId }),
    (client) => client.scheduleKeyDeletion({ KeyId }),
  ]
  for (const other of others) await denied(t, other(bob))
  await denied(t, decrypt(arn.user('eve')))
  await denied(t, decrypt(arn.session('app')))
})

test('a grant on one key is none on another', async (t) => {
  const { as, key, grant, decrypt } = await scene(t)
  await grant()
  await t.notThrowsAsync(decrypt(BOB))
  const other = await key(delegating)
  const { CiphertextBlob } = await as(arn.user('admin')).encrypt({ KeyId: other, Plaintext })
  await denied(t, as(BOB).decrypt({ KeyId: other, CiphertextBlob: CiphertextBlob! }))
  await denied(t, as(BOB).decrypt({ CiphertextBlob: CiphertextBlob! }))
})

test('both halves of ReEncrypt are granted apart', async (t) => {
  const { as, key, grant, blob, KeyId } = await scene(t)
  const other = await key(delegating)
  const move = () => as(BOB).reEncrypt({ CiphertextBlob: blob, DestinationKeyId: other })
  await grant({ Operations: ['ReEncryptFrom'] })
  await denied(t, move())
  await grant({ KeyId: other, Operations: ['ReEncryptTo'] })
  t.is((await move()).KeyId, other)
  await denied(t, as(BOB).reEncrypt({ CiphertextBlob: blob, DestinationKeyId: KeyId }))
})

test('an explicit no is stronger than a grant', async (t) => {
  const { grant, decrypt } = await scene(t)
  await grant({ GranteePrincipal: arn.user('barred') })
  await denied(t, decrypt(arn.user('barred')))
})

test('a grant to a role is for its sessions, one to a session for that one', async (t) => {
  const { grant, decrypt } = await scene(t)
  await grant({ GranteePrincipal: arn.session('app', 'one') })
  await t.notThrowsAsync(decrypt(arn.session('app', 'one')))
  await denied(t, decrypt(arn.session('app', 'two')))
  await grant({ GranteePrincipal: arn.role('app') })
  await t.notThrowsAsync(decrypt(arn.session('app', 'two')))
})

test('another account needs the grant and a policy of its own', async (t) => {
  const { grant, decrypt } = await scene(t)
  const [partner, idle] = [arn.user('partner', AWAY), arn.user('idle', AWAY)]
  await denied(t, decrypt(partner))
  await grant({ GranteePrincipal: partner })
  await grant({ GranteePrincipal: idle })
  await t.notThrowsAsync(decrypt(partner))
  await denied(t, decrypt(idle))
})

test('a constraint holds for each call, whatever was decided before', async (t) => {
  const { KeyId, as, grant } = await scene(t)
  const seal = (dept: string) => as(BOB).encrypt({ KeyId, Plaintext, EncryptionContext: { dept } })
  await grant({ Operations: ['Encrypt'], Constraints: { EncryptionContextSubset: { dept: 'one' } } })
  for (let i = 0; i < 2; i++) {
    await t.notThrowsAsync(seal('one'))
    await denied(t, seal('two'))
  }
})

// Tokens --------------------------------------------------------------------------------------------

test('a new grant is known after the delay, and at once to who has its token', async (t) => {
  const { grant, decrypt, pass } = await scene(t, { grantDelayMillis: 5000 })
  const { GrantToken } = await grant()
  await denied(t, decrypt(BOB))
  await t.notThrowsAsync(decrypt(BOB, [GrantToken]))
  await denied(t, decrypt(BOB))
  await denied(t, decrypt(arn.user('eve'), [GrantToken]))
  pass(4999)
  await denied(t, decrypt(BOB))
  pass(1)
  await t.notThrowsAsync(decrypt(BOB))
})

test('the token of another key, or of another’s grant, is no help', async (t) => {
  const { grant, decrypt, key } = await scene(t, { grantDelayMillis: 5000 })
  const other = await grant({ KeyId: await key(delegating) })
  const eves = await grant({ GranteePrincipal: arn.user('eve') })
  await denied(t, decrypt(BOB, [other.GrantToken, eves.GrantToken]))
  const own = await grant()
  await t.notThrowsAsync(decrypt(BOB, [other.GrantToken, eves.GrantToken, own.GrantToken]))
})

// Out -----------------------------------------------------------------------------------------------

test('a revoked grant ends at once, though the decision was kept', async (t) => {
  const { KeyId, as, grant, decrypt } = await scene(t)
  const { GrantId, GrantToken } = await grant()
  for (let i = 0; i < 3; i++) await t.notThrowsAsync(decrypt(BOB))
  await as(arn.user('admin')).revokeGrant({ KeyId, GrantId })
  await denied(t, decrypt(BOB))
  await denied(t, decrypt(BOB, [GrantToken]))
})

test('a grant that is revoked leaves what another one allows', async (t) => {
  const { KeyId, as, grant, decrypt } = await scene(t)
  const first = await grant()
  await grant()
  await t.notThrowsAsync(decrypt(BOB))
  await as(arn.user('admin')).revokeGrant({ KeyId, GrantId: first.GrantId })
  await t.notThrowsAsync(decrypt(BOB))
})

test('a grant for a day works for a day, though the decision was kept', async (t) => {
  const { grant, decrypt, pass } = await scene(t)
  await grant({}, '24h')
  await t.notThrowsAsync(decrypt(BOB))
  pass(24 * HOUR - 1000)
  await t.notThrowsAsync(decrypt(BOB))
  pass(999)
  await t.notThrowsAsync(decrypt(BOB))
  pass(1)
  await denied(t, decrypt(BOB))
})

test('a grant that has ended is none: not to list, to retire or to revoke', async (t) => {
  const { KeyId, as, grant, pass } = await scene(t)
  const admin = as(arn.user('admin'))
  const { GrantId, GrantToken } = await grant({ RetiringPrincipal: arn.root() }, '1h')
  const RetiringPrincipal = arn.root()
  const shown = async () => [
    ...(await admin.listGrants({ KeyId })).Grants!,
    ...(await admin.listRetirableGrants({ RetiringPrincipal })).Grants!,
  ]
  t.deepEqual(
    (await shown()).map((entry) => entry.GrantId),
    [GrantId, GrantId],
  )
  pass(HOUR)
  t.deepEqual(await shown(), [])
  await refuses(t, admin.listGrants({ KeyId, GrantId }), 'NotFoundException')
  await refuses(t, admin.revokeGrant({ KeyId, GrantId }), 'NotFoundException')
  await refuses(t, admin.retireGrant({ KeyId, GrantId }), 'NotFoundException')
  await refuses(t, admin.retireGrant({ GrantToken }), 'NotFoundException')
})

test('a child ends with its parent, if not sooner', async (t) => {
  const { KeyId, as, grant, decrypt, pass } = await scene(t)
  await grant({ Operations: ['CreateGrant', 'Decrypt'] }, '2h')
  const hand = (name: string, expiresIn?: string) =>
    as(BOB).createGrant(
      { KeyId, GranteePrincipal: name, Operations: ['Decrypt'] },
      expiresIn === undefined ? undefined : { expiresIn },
    )
  await hand(arn.user('eve'))
  await hand(arn.user('retirer'), '1h')
  await hand(arn.session('app'), '30d')
  pass(HOUR)
  await denied(t, decrypt(arn.user('retirer')))
  await t.notThrowsAsync(decrypt(arn.user('eve')))
  await t.notThrowsAsync(decrypt(arn.session('app')))
  pass(HOUR)
  await denied(t, decrypt(arn.user('eve')))
  await denied(t, decrypt(arn.session('app')))
})

test('a child may not do more than its parent, and outlives its revocation', async (t) => {
  const { KeyId, as, grant, decrypt } = await scene(t)
  const parent = await grant({ Operations: ['CreateGrant', 'Decrypt'] })
  const hand = (Operations: ('Decrypt' | 'Encrypt')[]) =>
    as(BOB).createGrant({ KeyId, GranteePrincipal: arn.user('eve'), Operations })
  await denied(t, hand(['Decrypt', 'Encrypt']))
  await hand(['Decrypt'])
  await denied(t, hand(['Encrypt']))
  await as(arn.user('admin')).revokeGrant({ KeyId, GrantId: parent.GrantId })
  await t.notThrowsAsync(decrypt(arn.user('eve')))
  await denied(t, hand(['Decrypt']))
})

// Retirement ----------------------------------------------------------------------------------------

const RETIRED: [who: string, grant: Partial<CreateGrantRequest>, allowed: boolean][] = [
  [BOB, { RetiringPrincipal: BOB, GranteePrincipal: arn.user('eve') }, true],
  [arn.user('eve'), { RetiringPrincipal: BOB, GranteePrincipal: arn.user('eve') }, false],
  [BOB, { Operations: ['Decrypt', 'RetireGrant'] }, true],
  [BOB, {}, false],
  [arn.user('retirer'), {}, true],
  [arn.user('eve'), {}, false],
  [arn.root(), {}, true],
  [arn.user('partner', AWAY), {}, false],
  [arn.user('partner', AWAY), { RetiringPrincipal: arn.user('partner', AWAY) }, true],
  [arn.user('idle', AWAY), { RetiringPrincipal: arn.user('partner', AWAY) }, false],
  [arn.user('barred'), { RetiringPrincipal: arn.user('barred') }, false],
]

for (const [who, more, allowed] of RETIRED) {
  test(`a grant ${JSON.stringify(more)} is ${allowed ? '' : 'not '}retired by ${who}`, async (t) => {
    const { KeyId, as, grant } = await scene(t)
    const { GrantId, GrantToken } = await grant(more)
    const byToken = await grant(more)
    const asked = [as(who).retireGrant({ KeyId, GrantId }), as(who).retireGrant({ GrantToken: byToken.GrantToken })]
    for (const act of asked) await (allowed ? t.notThrowsAsync(act) : denied(t, act))
    t.is((await as(arn.user('admin')).listGrants({ KeyId })).Grants!.length, allowed ? 0 : 2)
    t.truthy(GrantToken)
  })
}

test('the account that issued a grant on another’s key retires it, that of the key revokes it', async (t) => {
  const { as, key } = await scene(t)
  const partner = as(arn.user('partner', AWAY))
  const KeyId = await key(delegating, allow('kms:CreateGrant', to(arn.root(AWAY))))
  const make = async () =>
    (await partner.createGrant({ KeyId, GranteePrincipal: BOB, Operations: ['Decrypt'] })).GrantId!
  const [first, second] = [await make(), await make()]
  await denied(t, as(arn.user('retirer')).retireGrant({ KeyId, GrantId: first }))
  await denied(t, as(arn.user('idle', AWAY)).retireGrant({ KeyId, GrantId: first }))
  await t.notThrowsAsync(partner.retireGrant({ KeyId, GrantId: first }))
  await denied(t, partner.revokeGrant({ KeyId, GrantId: second }))
  await t.notThrowsAsync(as(arn.user('admin')).revokeGrant({ KeyId, GrantId: second }))
})

test('a grant to an account is passed on by its identity policies', async (t) => {
  const { room, as, key } = await stage(t)
  const KeyId = await key(
    allow(['kms:CreateGrant', 'kms:Decrypt'], to(arn.root())),
    allow('kms:Encrypt', to(arn.root())),
  )
  await room.createGrant({ KeyId, GranteePrincipal: arn.root(), Operations: ['DescribeKey'] })
  await t.notThrowsAsync(room.describeKey({ KeyId }))
  await t.notThrowsAsync(as(arn.user('alice')).describeKey({ KeyId }))
  await denied(t, as(arn.user('bob')).describeKey({ KeyId }))
})

// Many ----------------------------------------------------------------------------------------------

test('of 50,000 grants on a key those to the caller are read alone', async (t) => {
  const reads: unknown[][] = []
  const store = {
    list: (...asked: unknown[]) => {
      reads.push(asked)
      return Promise.resolve([])
    },
    get: () => Promise.resolve(undefined),
    count: () => Promise.resolve(50_000),
  }
  const names = [BOB, arn.root()]
  await new Grants(store as unknown as Store).few({ region: 'us-east-1', account: HOME, id: 'k' }, names)
  t.deepEqual(
    reads,
    names.map((name) => ['grants', 'grants_by_grantee', ['us-east-1', HOME, 'k', name], null, 101]),
  )
})
