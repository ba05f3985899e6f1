/** Grants as they are made and listed. */
import test from 'ava'
import type { CreateGrantRequest, GrantOperation, KeySpec, KeyUsageType } from '../../src/index.ts'
import { ALICE, BOB, grant, idsOf, ROOT, SOURCE } from '../helpers/grants.ts'
import { refuses, scene, type Scene } from '../helpers/scene.ts'

const told = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

test('a grant is shown as it was made', async (t) => {
  const { room, id, arn, pass } = await scene(t)
  pass(1)
  const Constraints = { EncryptionContextSubset: { tenant: 'a' }, SourceArn: SOURCE }
  const { GrantId, GrantToken } = await grant(room, id, { Name: 'one', RetiringPrincipal: BOB, Constraints })
  t.regex(GrantId!, /^[0-9a-f]{64}$/)
  t.true(GrantToken!.length <= 8192)
  t.deepEqual(told(await room.listGrants({ KeyId: arn })), {
    Grants: [
      {
        KeyId: arn,
        GrantId,
        Name: 'one',
        CreationDate: '2026-01-02T00:00:00.000Z',
        GranteePrincipal: ALICE,
        RetiringPrincipal: BOB,
        IssuingAccount: ROOT,
        Operations: ['Encrypt', 'Decrypt'],
        Constraints,
      },
    ],
    Truncated: false,
  })
  t.deepEqual((await room.listRetirableGrants({ RetiringPrincipal: BOB })).Grants![0]!.GrantId, GrantId)
})

test('a grant for a service names it in a field of its own', async (t) => {
  const { room, id } = await scene(t)
  const service = { GranteePrincipal: undefined, GranteeServicePrincipal: 's3.amazonaws.com' }
  const Constraints = { SourceArn: SOURCE }
  await grant(room, id, { ...service, RetiringServicePrincipal: 'ec2.us-east-1.amazonaws.com', Constraints })
  const [shown] = told((await room.listGrants({ KeyId: id })).Grants) as object[]
  t.like(shown, {
    GranteeServicePrincipal: 's3.amazonaws.com',
    RetiringServicePrincipal: 'ec2.us-east-1.amazonaws.com',
  })
  t.false('GranteePrincipal' in shown!)
  t.false('RetiringPrincipal' in shown!)
  t.is((await idsOf(room, id, { GranteeServicePrincipal: 's3.amazonaws.com' })).length, 1)
  t.is((await room.listRetirableGrants({ RetiringServicePrincipal: 'ec2.us-east-1.amazonaws.com' })).Grants!.length, 1)
})

// Idempotency -------------------------------------------------------------------------------------

/** Two requests, and whether they are for one grant. */
const PAIRS: [why: string, same: boolean, first: Partial<CreateGrantRequest>, second: Partial<CreateGrantRequest>][] = [
  ['of one name, and alike', true, { Name: 'n' }, { Name: 'n' }],
  ['of one name, operations in another order', true, { Name: 'n' }, { Name: 'n', Operations: ['Decrypt', 'Encrypt'] }],
  [
    'of one name, a context in another order',
    true,
    { Name: 'n', Constraints: { EncryptionContextEquals: { a: '1', b: '2' } } },
    { Name: 'n', Constraints: { EncryptionContextEquals: { b: '2', a: '1' } } },
  ],
  ['of one name, constraints of none', true, { Name: 'n' }, { Name: 'n', Constraints: {} }],
  ['without a name, though alike', false, {}, {}],
  ['of different names', false, { Name: 'n' }, { Name: 'm' }],
  ['for different grantees', false, { Name: 'n' }, { Name: 'n', GranteePrincipal: BOB }],
  ['with different operations', false, { Name: 'n' }, { Name: 'n', Operations: ['Encrypt'] }],
  ['retired by different principals', false, { Name: 'n' }, { Name: 'n', RetiringPrincipal: BOB }],
  [
    'under contexts of different kinds',
    false,
    { Name: 'n', Constraints: { EncryptionContextEquals: { a: '1' } } },
    { Name: 'n', Constraints: { EncryptionContextSubset: { a: '1' } } },
  ],
  ['for different sources', false, { Name: 'n' }, { Name: 'n', Constraints: { SourceArn: SOURCE } }],
]

for (const [why, same, first, second] of PAIRS) {
  test(`${same ? 'one grant' : 'two grants'}: ${why}`, async (t) => {
    const { room, id } = await scene(t)
    const [one, two] = [await grant(room, id, first), await grant(room, id, second)]
    t.is(one.GrantId === two.GrantId, same)
    t.not(one.GrantToken, two.GrantToken)
    t.is((await idsOf(room, id)).length, same ? 1 : 2)
    // Any token of a grant is as good as the other.
    await room.retireGrant({ GrantToken: one.GrantToken })
    t.is((await idsOf(room, id)).length, same ? 0 : 1)
  })
}

test('a grant of one name on another key is another grant', async (t) => {
  const { room, id } = await scene(t)
  const other = (await room.createKey()).KeyMetadata!.KeyId
  t.not((await grant(room, id, { Name: 'n' })).GrantId, (await grant(room, other, { Name: 'n' })).GrantId)
})

test('of many who ask for one grant at once, all get the same', async (t) => {
  const { room, id } = await scene(t)
  const made = await Promise.all(Array.from({ length: 20 }, () => grant(room, id, { Name: 'n' })))
  t.is(new Set(made.map(({ GrantId }) => GrantId)).size, 1)
  t.is((await idsOf(room, id)).length, 1)
})

// What is refused ---------------------------------------------------------------------------------

const pairs = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 'v']))

const REFUSED: [why: string, more: Partial<CreateGrantRequest>, code?: string, message?: string | RegExp][] = [
  ['nobody as grantee', { GranteePrincipal: undefined }],
  ['two grantees', { GranteeServicePrincipal: 's3.amazonaws.com' }],
  ['two who may retire it', { RetiringPrincipal: BOB, RetiringServicePrincipal: 's3.amazonaws.com' }],
  [
    'a service without a source',
    { GranteePrincipal: undefined, GranteeServicePrincipal: 's3.amazonaws.com', RetiringPrincipal: BOB },
  ],
  [
    'a service that nobody may retire',
    { GranteePrincipal: undefined, GranteeServicePrincipal: 's3.amazonaws.com', Constraints: { SourceArn: SOURCE } },
  ],
  ['a service that is none', { GranteePrincipal: undefined, GranteeServicePrincipal: 's3' }, undefined, /pattern/],
  ['a source that is no ARN', { Constraints: { SourceArn: 'arn:aws:s3:::bucket/name' } }, undefined, /pattern/],
  ['no operations', { Operations: [] }],
  ['an operation that grants do not have', { Operations: ['PutKeyPolicy' as GrantOperation] }, undefined, /enum/],
  [
    'contexts of both kinds',
    { Constraints: { EncryptionContextEquals: { a: '1' }, EncryptionContextSubset: { a: '1' } } },
  ],
  ['nine pairs', { Constraints: { EncryptionContextSubset: pairs(9) } }],
  ['a value of 385 characters', { Constraints: { EncryptionContextEquals: { a: 'x'.repeat(385) } } }],
  ['names that differ by case', { Constraints: { EncryptionContextSubset: { tenant: 'a', Tenant: 'b' } } }],
  ['a name with a space', { Name: 'a b' }, undefined, /pattern/],
  ['a group', { GranteePrincipal: 'arn:aws:iam::000000000000:group/g' }, 'InvalidArnException'],
  ['a name for a principal', { GranteePrincipal: 'alice' }, 'InvalidArnException'],
  ['a service as an IAM principal', { GranteePrincipal: 's3.amazonaws.com' }, 'InvalidArnException'],
  ['everyone', { GranteePrincipal: '*' }, 'ValidationException'],
  [
    'a key as who may retire it',
    { RetiringPrincipal: 'arn:aws:kms:us-east-1:000000000000:key/x' },
    'InvalidArnException',
    'ARN does not refer to a valid principal: arn:aws:kms:us-east-1:000000000000:key/x',
  ],
  ['a grant token nobody was given', { GrantTokens: ['abc'] }, 'InvalidGrantTokenException'],
]

for (const [why, more, code = 'ValidationException', message] of REFUSED) {
  test(`CreateGrant refuses ${why}`, async (t) => {
    const { room, id } = await scene(t)
    await refuses(t, grant(room, id, more), code, message)
    await refuses(t, grant(room, id, { ...more, DryRun: true }), code, message)
    t.deepEqual(await idsOf(room, id), [])
  })
}

for (const [why, principal] of [
  ['an account', ROOT],
  ['a user on a path', 'arn:aws:iam::111122223333:user/a/b/c'],
  ['a role', BOB],
  ['a session', 'arn:aws:sts::000000000000:assumed-role/bob/session'],
  ['a session of a service', 'arn:aws:sts::000000000000:assumed-role/aws:ec2-infrastructure/i-0123'],
  ['a federated user', 'arn:aws:sts::000000000000:federated-user/carol'],
] as const) {
  test(`a grant may be for ${why}, and retired by it`, async (t) => {
    const { room, id } = await scene(t)
    const { GrantId } = await grant(room, id, { GranteePrincipal: principal, RetiringPrincipal: principal })
    t.deepEqual(await idsOf(room, id, { GranteePrincipal: principal }), [GrantId])
    t.like((await room.listGrants({ KeyId: id })).Grants![0], {
      GranteePrincipal: principal,
      RetiringPrincipal: principal,
    })
  })
}

test('an account by its id is its root', async (t) => {
  const { room, id } = await scene(t)
  const { GrantId } = await grant(room, id, { GranteePrincipal: '000000000000' })
  t.deepEqual(await idsOf(room, id, { GranteePrincipal: ROOT }), [GrantId])
})

// What may be granted of which key ----------------------------------------------------------------

const OPERATIONS: readonly GrantOperation[] = [
  'Encrypt',
  'Decrypt',
  'ReEncryptFrom',
  'ReEncryptTo',
  'GenerateDataKey',
  'GenerateDataKeyWithoutPlaintext',
  'GenerateDataKeyPair',
  'GenerateDataKeyPairWithoutPlaintext',
  'Sign',
  'Verify',
  'GetPublicKey',
  'GenerateMac',
  'VerifyMac',
  'DeriveSharedSecret',
  'Encapsulate',
  'Decapsulate',
  'DescribeKey',
  'CreateGrant',
  'RetireGrant',
]
const KINDS: [KeySpec, KeyUsageType, legal: number[]][] = [
  ['SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT', [0, 1, 2, 3, 4, 5, 6, 7]],
  ['RSA_2048', 'ENCRYPT_DECRYPT', [0, 1, 2, 3, 10]],
  ['ECC_NIST_P256', 'SIGN_VERIFY', [8, 9, 10]],
  ['ECC_NIST_P256', 'KEY_AGREEMENT', [10, 13]],
  ['ML_DSA_44', 'SIGN_VERIFY', [8, 9, 10]],
  ['ML_KEM_512', 'ENCAPSULATE_DECAPSULATE', [10, 14, 15]],
  ['HMAC_256', 'GENERATE_VERIFY_MAC', [11, 12]],
]

for (const [KeySpec, KeyUsage, legal] of KINDS) {
  test(`of a ${KeySpec} key for ${KeyUsage} may be granted what can be done with it`, async (t) => {
    const { room } = await scene(t)
    const { KeyId } = (await room.createKey({ KeySpec, KeyUsage })).KeyMetadata!
    for (const [i, operation] of OPERATIONS.entries()) {
      const made = grant(room, KeyId, { Operations: [operation], DryRun: true })
      const isLegal = legal.includes(i) || i >= 16
      await refuses(t, made, isLegal ? 'DryRunOperationException' : 'ValidationException')
    }
    await grant(room, KeyId, { Operations: ['DescribeKey'], Constraints: { SourceArn: SOURCE } })
    const contextual = grant(room, KeyId, { Operations: ['DescribeKey'], Constraints: { EncryptionContextEquals: {} } })
    if (KeySpec === 'SYMMETRIC_DEFAULT') await t.notThrowsAsync(contextual)
    else await refuses(t, contextual, 'ValidationException')
  })
}

// States ------------------------------------------------------------------------------------------

const STATES: Record<string, (scene: Scene) => Promise<unknown>> = {
  Enabled: async () => undefined,
  Disabled: ({ room, id }) => room.disableKey({ KeyId: id }),
  PendingDeletion: ({ room, id }) => room.scheduleKeyDeletion({ KeyId: id }),
}
const CREATION: Record<string, string | undefined> = {
  Disabled: 'DisabledException',
  PendingDeletion: 'KMSInvalidStateException',
}

for (const [state, enter] of Object.entries(STATES)) {
  test(`grants of a key that is ${state}`, async (t) => {
    const stage = await scene(t)
    const { room, id, arn } = stage
    const [one, two, three] = [await grant(room, id), await grant(room, id), await grant(room, id)]
    await enter(stage)
    if (CREATION[state]) await refuses(t, grant(room, id), CREATION[state])
    else await t.notThrowsAsync(grant(room, id))
    t.true((await idsOf(room, id)).length >= 3)
    await room.retireGrant({ GrantToken: one.GrantToken })
    await room.retireGrant({ KeyId: arn, GrantId: two.GrantId })
    await room.revokeGrant({ KeyId: id, GrantId: three.GrantId! })
    const left = await idsOf(room, id)
    for (const { GrantId } of [one, two, three]) t.false(left.includes(GrantId!))
  })
}

test('a key that waits for its material can have no grants yet', async (t) => {
  const { room } = await scene(t)
  const { KeyId } = (await room.createKey({ Origin: 'EXTERNAL' })).KeyMetadata!
  await refuses(t, grant(room, KeyId), 'KMSInvalidStateException', / is pending import\.$/)
  t.deepEqual(await idsOf(room, KeyId), [])
})
