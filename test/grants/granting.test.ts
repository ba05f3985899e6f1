/** What grants say, each yes beside its nearest no: whom, what, under which context, for whom, from when and until when. */
import test from 'ava'
import { NEVER } from '../../src/clock.ts'
import { granteesOf, granting, mayRetire, type GrantQuestion } from '../../src/granting.ts'
import type { Grant } from '../../src/grants.ts'
import type { Asker } from '../../src/policy/principal.ts'
import { SHAPES, type GrantConstraints, type GrantOperation } from '../../src/model/kms.ts'
import { Random } from '../simulation/random.ts'

const NOON = Date.UTC(2026, 0, 1, 12)
const ACCOUNT = '111122223333'
const ROOT = `arn:aws:iam::${ACCOUNT}:root`
const ALICE = `arn:aws:iam::${ACCOUNT}:user/alice`
const BUCKET = 'arn:aws:s3:us-east-1:111122223333:bucket/b'

const grant = (more: Partial<Grant> = {}): Grant => ({
  region: 'us-east-1',
  account: ACCOUNT,
  keyId: 'k',
  id: 'g',
  name: '',
  created: NOON,
  expires: NEVER,
  issuer: ACCOUNT,
  grantee: ALICE,
  retiring: '',
  operations: ['Decrypt', 'DescribeKey', 'CreateGrant'],
  constraints: undefined,
  request: 'g',
  version: 1,
  ...more,
})

const question = (more: Partial<GrantQuestion> = {}): GrantQuestion => ({
  operation: 'Decrypt',
  grantees: [ALICE, ROOT],
  encryptionContext: undefined,
  sourceArn: undefined,
  now: NOON,
  delay: 0,
  tokens: new Set(),
  child: undefined,
  ...more,
})

const child = (Operations: GrantOperation[], Constraints?: GrantConstraints): Partial<GrantQuestion> => ({
  operation: 'CreateGrant',
  child: { KeyId: 'k', GranteePrincipal: ALICE, Operations, Constraints },
})

const equals = (EncryptionContextEquals: Record<string, string>) => ({ constraints: { EncryptionContextEquals } })
const subset = (EncryptionContextSubset: Record<string, string>) => ({ constraints: { EncryptionContextSubset } })
const from = { constraints: { SourceArn: BUCKET } }
const under = (encryptionContext: Record<string, string>) => ({ encryptionContext })

const ENCRYPTION: GrantOperation[] = [
  'Encrypt',
  'Decrypt',
  'ReEncryptFrom',
  'ReEncryptTo',
  'GenerateDataKey',
  'GenerateDataKeyWithoutPlaintext',
  'GenerateDataKeyPair',
  'GenerateDataKeyPairWithoutPlaintext',
]

// A grant, what is asked of it, and whether it says yes ---------------------------------------------

type Case = [sentence: string, grant: Partial<Grant>, asked: Partial<GrantQuestion>, yes: boolean]

const one = { a: '1' }
const two = { a: '1', b: '2' }

const CASES: Case[] = [
  ['an operation of the grant is allowed', {}, {}, true],
  ['another operation is not', {}, { operation: 'Encrypt' }, false],
  ['ReEncryptFrom is not ReEncryptTo', { operations: ['ReEncryptFrom'] }, { operation: 'ReEncryptTo' }, false],
  [
    'GenerateDataKey is not GenerateDataKeyWithoutPlaintext',
    { operations: ['GenerateDataKey'] },
    { operation: 'GenerateDataKeyWithoutPlaintext' },
    false,
  ],
  ['somebody else is not allowed', {}, { grantees: [`${ALICE}2`, ROOT] }, false],
  ['nor is somebody of the same name in another case', {}, { grantees: [ALICE.toUpperCase()] }, false],

  ['the very context is equal', equals(two), under({ b: '2', a: '1' }), true],
  ['a context with more in it is not equal', equals(one), under(two), false],
  ['a context with less in it is not equal', equals(two), under(one), false],
  ['a value in another case is not equal', equals({ a: 'x' }), under({ a: 'X' }), false],
  ['a name in another case is not equal', equals({ a: 'x' }), under({ A: 'x' }), false],
  ['no context is not equal to one', equals(one), {}, false],
  ['a context with more in it holds the subset', subset(one), under(two), true],
  ['the very context holds the subset', subset(one), under(one), true],
  ['a context without one of its pairs does not', subset(two), under(one), false],
  ['a context with another value does not', subset(one), under({ a: '2', b: '2' }), false],
  ['no context does not', subset(one), {}, false],
  ['what every object inherits is no pair', subset({ toString: 'x' }), under(one), false],
  ['DescribeKey is not held to equality', equals(one), { operation: 'DescribeKey' }, true],
  ['DescribeKey is not held to a subset', subset(one), { operation: 'DescribeKey' }, true],

  ['a call for the named resource is allowed', from, { sourceArn: BUCKET }, true],
  ['a call for another is not', from, { sourceArn: `${BUCKET}2` }, false],
  ['a call for none is not', from, {}, false],
  ['not even DescribeKey is', from, { operation: 'DescribeKey' }, false],
  ['DescribeKey for the resource is', from, { operation: 'DescribeKey', sourceArn: BUCKET }, true],
  ['a call for a resource under a grant that names none is', {}, { sourceArn: BUCKET }, true],
  [
    'the resource does not make up for the context',
    { constraints: { SourceArn: BUCKET, EncryptionContextEquals: one } },
    { sourceArn: BUCKET },
    false,
  ],

  ['without a delay a grant works at once', {}, { delay: 0 }, true],
  ['within the delay it does not', {}, { delay: 1000, now: NOON + 999 }, false],
  ['after the delay it does', {}, { delay: 1000, now: NOON + 1000 }, true],
  ['within the delay it does with its token', {}, { delay: 1000, tokens: new Set(['g']) }, true],
  ['the token of another does not help', {}, { delay: 1000, tokens: new Set(['h']) }, false],
  ['a token allows nobody but the grantee', {}, { grantees: [ROOT], tokens: new Set(['g']) }, false],
  ['a token allows no other operation', {}, { operation: 'Encrypt', tokens: new Set(['g']) }, false],

  ['a millisecond before its end a grant works', { expires: NOON + 10 }, { now: NOON + 9 }, true],
  ['at its end it does not', { expires: NOON + 10 }, { now: NOON + 10 }, false],
  ['nor does it with its token', { expires: NOON + 10 }, { now: NOON + 10, tokens: new Set(['g']) }, false],

  ['a child may do as much', {}, child(['Decrypt', 'DescribeKey', 'CreateGrant']), true],
  ['a child may do less', {}, child(['Decrypt']), true],
  ['a child may not do more', {}, child(['Decrypt', 'Encrypt']), false],
  ['without CreateGrant there are no children', { operations: ['Decrypt'] }, child(['Decrypt']), false],
  ['a child may be held to more', {}, child(['Decrypt'], { EncryptionContextEquals: one }), true],
  ['under equality a child has the same', equals(one), child(['Decrypt'], { EncryptionContextEquals: one }), true],
  ['and no other', equals(one), child(['Decrypt'], { EncryptionContextEquals: two }), false],
  ['nor a subset', equals(one), child(['Decrypt'], { EncryptionContextSubset: one }), false],
  ['nor none', equals(one), child(['Decrypt']), false],
  ['under a subset a child has the same', subset(one), child(['Decrypt'], { EncryptionContextSubset: one }), true],
  ['or more pairs', subset(one), child(['Decrypt'], { EncryptionContextSubset: two }), true],
  ['or equality to more', subset(one), child(['Decrypt'], { EncryptionContextEquals: two }), true],
  ['but not fewer pairs', subset(two), child(['Decrypt'], { EncryptionContextSubset: one }), false],
  ['nor equality to fewer', subset(two), child(['Decrypt'], { EncryptionContextEquals: one }), false],
  ['nor none at all', subset(one), child(['Decrypt']), false],
  [
    'a child of a resource is of the same',
    from,
    { ...child(['Decrypt'], { SourceArn: BUCKET }), sourceArn: BUCKET },
    true,
  ],
  ['and of no other', from, { ...child(['Decrypt'], { SourceArn: `${BUCKET}2` }), sourceArn: BUCKET }, false],
  ['and not of none', from, { ...child(['Decrypt']), sourceArn: BUCKET }, false],
]

for (const [sentence, held, asked, yes] of CASES) {
  test(`a grant: ${sentence}`, (t) => {
    t.is(granting([grant(held)], question(asked))?.id, yes ? 'g' : undefined)
  })
}

for (const operation of ENCRYPTION) {
  test(`${operation} is held to the constraints of a grant`, (t) => {
    for (const held of [equals(one), subset(one)]) {
      const grants = [grant({ operations: [operation], ...held })]
      t.truthy(granting(grants, question({ operation, encryptionContext: one })))
      t.is(granting(grants, question({ operation, encryptionContext: { a: '2' } })), undefined)
    }
  })
}

for (const operation of SHAPES.GrantOperation.enum as readonly GrantOperation[]) {
  test(`a grant of ${operation} allows it and nothing else`, (t) => {
    const allowed = (SHAPES.GrantOperation.enum as readonly GrantOperation[]).filter((other) =>
      granting([grant({ operations: [operation] })], question({ operation: other })),
    )
    t.deepEqual(allowed, [operation])
  })
}

test('of several grants the first that allows it counts', (t) => {
  const grants = [
    grant({ id: 'other', grantee: ROOT, operations: ['Encrypt'] }),
    grant({ id: 'over', expires: NOON }),
    grant({ id: 'strict', ...equals(one) }),
    grant({ id: 'first' }),
    grant({ id: 'second' }),
  ]
  t.is(granting(grants, question())?.id, 'first')
  t.is(granting(grants.slice(0, 3), question()), undefined)
  t.is(granting([], question()), undefined)
})

// Who a grant can be to ------------------------------------------------------------------------------

const ASKERS = {
  root: { type: 'Root', arn: ROOT, account: ACCOUNT },
  alice: { type: 'User', arn: ALICE, account: ACCOUNT },
  session: {
    type: 'AssumedRole',
    arn: `arn:aws:sts::${ACCOUNT}:assumed-role/app/one`,
    roleArn: `arn:aws:iam::${ACCOUNT}:role/team/app`,
    account: ACCOUNT,
  },
  federated: { type: 'FederatedUser', arn: `arn:aws:sts::${ACCOUNT}:federated-user/fred`, account: ACCOUNT },
  service: { type: 'Service', arn: 's3.amazonaws.com', account: ACCOUNT },
  stranger: { type: 'User', arn: 'arn:aws:iam::444455556666:user/alice', account: '444455556666' },
} as const satisfies Record<string, Asker>

type Name = keyof typeof ASKERS

const TO: [grantee: string, who: Name[]][] = [
  [ROOT, ['root', 'alice', 'session', 'federated']],
  [ALICE, ['alice']],
  [`arn:aws:iam::${ACCOUNT}:role/team/app`, ['session']],
  [`arn:aws:iam::${ACCOUNT}:role/app`, []],
  [`arn:aws:sts::${ACCOUNT}:assumed-role/app/one`, ['session']],
  [`arn:aws:sts::${ACCOUNT}:assumed-role/app/two`, []],
  [`arn:aws:sts::${ACCOUNT}:federated-user/fred`, ['federated']],
  [`arn:aws:sts::${ACCOUNT}:federated-user/fre`, []],
  ['s3.amazonaws.com', ['service']],
  ['ec2.amazonaws.com', []],
  ['arn:aws:iam::444455556666:root', ['stranger']],
]

for (const [grantee, who] of TO) {
  test(`a grant to ${grantee} is for ${who.join(', ') || 'none of them'}`, (t) => {
    const found = (Object.keys(ASKERS) as Name[]).filter((name) =>
      granting([grant({ grantee })], question({ grantees: granteesOf(ASKERS[name]) })),
    )
    t.deepEqual(found, who)
  })
}

// Who may retire -------------------------------------------------------------------------------------

type Retiring = [sentence: string, grant: Partial<Grant>, who: Name, byIdentity: boolean, yes: boolean]

const RETIRING: Retiring[] = [
  ['its retiring principal', { retiring: ALICE, grantee: ROOT, issuer: '0' }, 'alice', false, true],
  ['nobody else', { retiring: ALICE, grantee: ROOT, issuer: '0' }, 'session', false, false],
  ['a retiring role’s sessions', { retiring: ASKERS.session.roleArn, issuer: '0' }, 'session', false, true],
  ['a retiring service', { retiring: 's3.amazonaws.com', issuer: '0' }, 'service', false, true],
  ['another service not', { retiring: 'ec2.amazonaws.com', issuer: '0' }, 'service', false, false],
  ['its grantee, if it says so', { operations: ['RetireGrant'], issuer: '0' }, 'alice', false, true],
  ['its grantee not, if it does not', { operations: ['Decrypt'], issuer: '0' }, 'alice', false, false],
  ['another not, if it says so', { operations: ['RetireGrant'], issuer: '0' }, 'session', false, false],
  [
    'its grantee whatever its constraints',
    { operations: ['RetireGrant'], issuer: '0', constraints: { SourceArn: BUCKET, EncryptionContextEquals: one } },
    'alice',
    false,
    true,
  ],
  ['the issuing account, where policies allow it', { grantee: ROOT }, 'session', true, true],
  ['the issuing account not, where they do not', { grantee: ROOT }, 'session', false, false],
  ['another account not, whatever its policies allow', { grantee: ROOT }, 'stranger', true, false],
  ['the account of the key not, if another issued it', { issuer: '444455556666' }, 'session', true, false],
  ['a retiring nobody is nobody', { retiring: '', issuer: '0' }, 'session', false, false],
]

for (const [sentence, held, who, byIdentity, yes] of RETIRING) {
  test(`a grant is retired by ${sentence}`, (t) => {
    t.is(mayRetire(grant(held), granteesOf(ASKERS[who]), ASKERS[who], byIdentity), yes)
  })
}

// Children never exceed their parents ----------------------------------------------------------------

for (const seed of [1, 2, 3, 4]) {
  test(`nothing that a child allows is more than its parent does: seed ${seed}`, (t) => {
    const chaos = new Random(seed)
    const context = () =>
      Object.fromEntries(['a', 'b', 'c'].filter(() => chaos.chance(0.4)).map((name) => [name, chaos.pick(['1', '2'])]))
    const some = (list: readonly GrantOperation[]) => list.filter(() => chaos.chance(0.5))
    const constraints = (): GrantConstraints | undefined =>
      chaos.pick([
        () => undefined,
        () => ({ EncryptionContextEquals: context() }),
        () => ({ EncryptionContextSubset: context() }),
        () => ({ SourceArn: BUCKET }),
        () => ({ SourceArn: BUCKET, EncryptionContextSubset: context() }),
      ])()
    let made = 0
    let used = 0
    for (let i = 0; i < 4000; i++) {
      const parent = grant({ operations: [...some(ENCRYPTION), 'CreateGrant'], constraints: constraints() })
      const wanted = { Operations: some(ENCRYPTION), Constraints: constraints() }
      const sourceArn = chaos.pick([BUCKET, undefined])
      if (!granting([parent], question({ ...child(wanted.Operations, wanted.Constraints), sourceArn }))) continue
      made++
      const born = grant({ operations: wanted.Operations, constraints: wanted.Constraints })
      for (const operation of ENCRYPTION) {
        const asked = question({ operation, encryptionContext: context(), sourceArn: chaos.pick([BUCKET, undefined]) })
        if (!granting([born], asked)) continue
        used++
        if (!granting([parent], asked)) t.fail(JSON.stringify({ parent, born, asked }))
      }
    }
    t.true(made > 20 && used > 20, `${made} made, ${used} used`)
  })
}
