/** Who may use a key: key policies, IAM policies and their interplay, asked of a real room. */
import test from 'ava'
import { bytes, refuses } from '../helpers/scene.ts'
import { allow, arn, AWAY, delegating, deny, document, HOME, stage, to, when } from './stage.ts'

const decrypts = ['kms:Encrypt', 'kms:Decrypt']
const silentPolicy = /because no resource-based policy allows the kms:Encrypt action$/
const silentIdentity = /because no identity-based policy allows the kms:Encrypt action$/

interface Case {
  readonly says: string
  readonly policy: Record<string, unknown>[]
  readonly who: string
  /** The end of AWS's sentence; undefined for a yes. */
  readonly refusal?: RegExp
  readonly context?: Record<string, string>
}

const CASES: Case[] = [
  { says: 'the root user may what the account statement says', policy: [delegating], who: arn.root() },
  {
    says: 'the root user may not what no statement gives the account',
    policy: [allow('kms:*', to(arn.user('bob')))],
    who: arn.root(),
    refusal: silentPolicy,
  },
  { says: 'an IAM policy counts where the key is left to the account', policy: [delegating], who: arn.user('alice') },
  {
    says: 'without an IAM policy the account statement is no help',
    policy: [delegating],
    who: arn.user('bob'),
    refusal: silentIdentity,
  },
  {
    says: 'an IAM policy does not count where it is not',
    policy: [allow('kms:*', to(arn.user('bob')))],
    who: arn.user('alice'),
    refusal: silentPolicy,
  },
  {
    says: 'a key policy that names a user needs no IAM policy',
    policy: [allow(decrypts, to(arn.user('bob')))],
    who: arn.user('bob'),
  },
  {
    says: 'a key policy that names a user gives that action alone',
    policy: [allow('kms:Decrypt', to(arn.user('bob')))],
    who: arn.user('bob'),
    refusal: silentPolicy,
  },
  {
    says: 'a key policy that names a role is for all its sessions',
    policy: [allow(decrypts, to(arn.role('developer')))],
    who: arn.session('developer'),
  },
  {
    says: 'a key policy that names a session is for no other',
    policy: [allow(decrypts, to(arn.session('developer', 'two')))],
    who: arn.session('developer'),
    refusal: silentPolicy,
  },
  {
    says: 'an explicit deny outranks every allow',
    policy: [delegating, deny('kms:Encrypt', to(arn.user('alice')))],
    who: arn.user('alice'),
    refusal: /with an explicit deny in a resource-based policy/,
  },
  {
    says: 'a condition on the context is met',
    policy: [allow('kms:*', { ...to(arn.user('bob')), ...when('StringEquals', 'kms:EncryptionContext:dept', 'one') })],
    who: arn.user('bob'),
    context: { dept: 'one' },
  },
  {
    says: 'a condition on the context is not met',
    policy: [allow('kms:*', { ...to(arn.user('bob')), ...when('StringEquals', 'kms:EncryptionContext:dept', 'one') })],
    who: arn.user('bob'),
    context: { dept: 'two' },
    refusal: silentPolicy,
  },
  {
    says: 'another account needs both sides, and has them',
    policy: [delegating, allow('kms:Encrypt', to(arn.root(AWAY)))],
    who: arn.user('partner', AWAY),
  },
  {
    says: 'another account needs both sides, and lacks its own',
    policy: [delegating, allow('kms:Encrypt', to(arn.root(AWAY)))],
    who: arn.user('idle', AWAY),
    refusal: silentIdentity,
  },
  {
    says: "another account needs both sides, and lacks the key's",
    policy: [delegating],
    who: arn.user('partner', AWAY),
    refusal: silentPolicy,
  },
  {
    says: 'everyone of every account is not everyone without an IAM policy',
    policy: [allow('kms:Encrypt', { Principal: '*' })],
    who: arn.user('idle', AWAY),
    refusal: silentIdentity,
  },
  {
    says: 'everyone by a key policy needs no IAM policy at home',
    policy: [allow('kms:Encrypt', { Principal: '*' })],
    who: arn.user('bob'),
  },
]

for (const { says, policy, who, refusal, context: EncryptionContext } of CASES) {
  test(says, async (t) => {
    const { as, key } = await stage(t)
    const KeyId = await key(...policy)
    for (let i = 0; i < 3; i++) {
      const asked = as(who).encrypt({ KeyId, Plaintext: bytes('hello'), EncryptionContext })
      if (refusal) await refuses(t, asked, 'AccessDeniedException', refusal)
      else t.is((await asked).KeyId, KeyId)
    }
  })
}

test('a denial names the caller, the action and the key', async (t) => {
  const { as, key } = await stage(t)
  const KeyId = await key(delegating)
  const caller = arn.session('developer', 'jane')
  await refuses(
    t,
    as(caller).encrypt({ KeyId, Plaintext: bytes('hello') }),
    'AccessDeniedException',
    `User: ${caller} is not authorized to perform: kms:Encrypt on resource: ${KeyId} because no identity-based policy allows the kms:Encrypt action`,
  )
})

test('a key of another account that is not there is refused like one that is', async (t) => {
  const { as, key } = await stage(t)
  const there = await key(delegating)
  const missing = there.replace(/.{12}$/, '000000000000')
  const messages = []
  for (const KeyId of [there, missing]) {
    const error = await t.throwsAsync(as(arn.user('partner', AWAY)).encrypt({ KeyId, Plaintext: bytes('hello') }))
    messages.push(error.message.replace(KeyId, 'KEY'))
  }
  t.is(messages[0], messages[1])
})

test('a changed policy counts at once, for what was kept and what was not', async (t) => {
  const { room, as, key } = await stage(t)
  const KeyId = await key(delegating)
  const alice = as(arn.user('alice'))
  const ask = () => alice.encrypt({ KeyId, Plaintext: bytes('hello') })
  await ask()
  await room.putKeyPolicy({ KeyId, Policy: document(delegating, deny('kms:Encrypt', to(arn.user('alice')))) })
  await refuses(t, ask(), 'AccessDeniedException')
  await room.putKeyPolicy({ KeyId, Policy: document(delegating) })
  await t.notThrowsAsync(ask())
})

test('tags of the key and of the caller decide together', async (t) => {
  const { room, as, key } = await stage(t)
  const KeyId = await key(delegating)
  const ask = () => as(arn.user('blue')).encrypt({ KeyId, Plaintext: bytes('hello') })
  await refuses(t, ask(), 'AccessDeniedException', silentIdentity)
  await room.tagResource({ KeyId, Tags: [{ TagKey: 'team', TagValue: 'blue' }] })
  await t.notThrowsAsync(ask())
  await room.untagResource({ KeyId, TagKeys: ['team'] })
  await refuses(t, ask(), 'AccessDeniedException', silentIdentity)
})

test('names of the key decide, and change at once', async (t) => {
  const { room, as, key } = await stage(t)
  const bob = to(arn.user('bob'))
  const KeyId = await key(
    delegating,
    allow('kms:Encrypt', { ...bob, ...when('ForAnyValue:StringLike', 'kms:ResourceAliases', 'alias/open-*') }),
  )
  const ask = () => as(arn.user('bob')).encrypt({ KeyId, Plaintext: bytes('hello') })
  await refuses(t, ask(), 'AccessDeniedException')
  await room.createAlias({ AliasName: 'alias/open-one', TargetKeyId: KeyId })
  await t.notThrowsAsync(ask())
  await room.deleteAlias({ AliasName: 'alias/open-one' })
  await refuses(t, ask(), 'AccessDeniedException')
})

test('a name that goes takes what it allowed along, whoever takes it away', async (t) => {
  const { as, key } = await stage(t)
  const named = when('ForAnyValue:StringEquals', 'kms:ResourceAliases', 'alias/open')
  const KeyId = await key(
    // Asked by a condition that differs from request to request, the administrator leaves no decision behind.
    allow('kms:*', { ...to(arn.user('admin')), ...when('StringNotEquals', 'kms:EncryptionContext:dept', 'none') }),
    allow('kms:Encrypt', { ...to(arn.user('bob')), ...named }),
  )
  const bob = as(arn.user('bob'))
  const admin = as(arn.user('admin'))
  await admin.createAlias({ AliasName: 'alias/open', TargetKeyId: KeyId })
  for (let i = 0; i < 3; i++) await bob.encrypt({ KeyId, Plaintext: bytes('hello') })
  await admin.deleteAlias({ AliasName: 'alias/open' })
  await refuses(t, bob.encrypt({ KeyId, Plaintext: bytes('hello') }), 'AccessDeniedException')
})

test('a key named by an alias may be one a key named by its id is not', async (t) => {
  const { room, as, key } = await stage(t)
  const KeyId = await key(
    delegating,
    allow('kms:Encrypt', { ...to(arn.user('bob')), ...when('StringEquals', 'kms:RequestAlias', 'alias/door') }),
  )
  await room.createAlias({ AliasName: 'alias/door', TargetKeyId: KeyId })
  const bob = as(arn.user('bob'))
  const Plaintext = bytes('hello')
  t.is((await bob.encrypt({ KeyId: 'alias/door', Plaintext })).KeyId, KeyId)
  t.is((await bob.encrypt({ KeyId: `arn:aws:kms:us-east-1:${HOME}:alias/door`, Plaintext })).KeyId, KeyId)
  await refuses(t, bob.encrypt({ KeyId, Plaintext }), 'AccessDeniedException')
})

test('what a ciphertext tells of a key, it tells those alone who may use it', async (t) => {
  const { room, as, key } = await stage(t)
  const KeyId = await key(delegating)
  const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext: bytes('hello') })
  const unknown =
    'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.'
  for (const who of [arn.user('bob'), arn.user('partner', AWAY), arn.user('denied')]) {
    await refuses(t, as(who).decrypt({ CiphertextBlob: CiphertextBlob! }), 'AccessDeniedException', unknown)
  }
  const { Plaintext } = await as(arn.session('app')).decrypt({ CiphertextBlob: CiphertextBlob! })
  t.deepEqual(Uint8Array.from(Plaintext!), bytes('hello'))
})
