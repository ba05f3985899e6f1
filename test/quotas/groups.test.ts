/** Which quota a request counts against, for every operation and key spec. */
import test from 'ava'
import type { Key } from '../../src/keys.ts'
import { OPERATIONS, SHAPES, type KeySpec, type OperationName } from '../../src/model/kms.ts'
import type { Call } from '../../src/operation.ts'
import { GROUPS, planOf } from '../../src/quotas/groups.ts'
import { prepared } from '../../src/service.ts'

interface Asked {
  readonly key?: KeySpec
  readonly source?: KeySpec
  readonly destination?: KeySpec
  readonly input?: object
}

/** The quotas that a request draws on, each with its count if that is not 1, and the Region if it is another. */
function drawn(operation: OperationName, { key, source, destination, input = {} }: Asked): string[] {
  const found = (spec: KeySpec | undefined) => spec && ({ spec } as Key)
  const call = { key: found(key), source: found(source), destination: found(destination), input } as unknown as Call
  return planOf(prepared(operation))
    .draws(call, 1)
    .map(({ group, count, region }) =>
      [GROUPS[group], ...(count === 1 ? [] : [`x${count}`]), ...(region === undefined ? [] : [`in ${region}`])].join(
        ' ',
      ),
    )
}

const draws = test.macro({
  title: (_, operation: OperationName, asked: Asked, ...groups: string[]) =>
    `${operation} ${Object.values(asked)
      .map((what: unknown) => (typeof what === 'string' ? what : JSON.stringify(what)))
      .join(', ')}: ${groups.join(' and ') || 'nothing'}`,
  exec: (t, operation: OperationName, asked: Asked, ...groups: string[]) =>
    t.deepEqual(drawn(operation, asked), groups),
})

const SPECS: readonly (readonly [RegExp, string, readonly OperationName[]])[] = [
  [/^SYMMETRIC_DEFAULT$/, 'Symmetric', ['Encrypt', 'Decrypt', 'GenerateDataKey', 'GenerateDataKeyWithoutPlaintext']],
  [/^HMAC_/, 'Symmetric', ['GenerateMac', 'VerifyMac']],
  [/^RSA_/, 'RSA', ['Encrypt', 'Decrypt', 'Sign', 'Verify']],
  [/^ECC_/, 'ECC', ['Sign', 'Verify', 'DeriveSharedSecret']],
  [/^SM2$/, 'ECC', ['Encrypt', 'Decrypt', 'Sign', 'Verify', 'DeriveSharedSecret']],
  [/^ML_DSA_/, 'ML-DSA', ['Sign', 'Verify']],
  [/^ML_KEM_/, 'ML-KEM', ['Encapsulate', 'Decapsulate']],
]
for (const spec of SHAPES.KeySpec.enum) {
  const [, group, operations] = SPECS.find(([names]) => names.test(spec))!
  for (const operation of operations) test(draws, operation, { key: spec }, group)
}

test(draws, 'GenerateRandom', {}, 'Symmetric')
test(draws, 'ReEncrypt', { source: 'SYMMETRIC_DEFAULT', destination: 'SYMMETRIC_DEFAULT' }, 'Symmetric')
test(draws, 'ReEncrypt', { source: 'RSA_2048', destination: 'RSA_4096' }, 'RSA')
test(draws, 'ReEncrypt', { source: 'RSA_2048', destination: 'SYMMETRIC_DEFAULT' }, 'RSA', 'Symmetric')
test(draws, 'ReEncrypt', { source: 'SYMMETRIC_DEFAULT', destination: 'SM2' }, 'Symmetric', 'ECC')

for (const spec of SHAPES.DataKeyPairSpec.enum) {
  for (const operation of ['GenerateDataKeyPair', 'GenerateDataKeyPairWithoutPlaintext'] as const) {
    const asked: Asked = { key: 'SYMMETRIC_DEFAULT', input: { KeyPairSpec: spec } }
    test(draws, operation, asked, `GenerateDataKeyPair/${spec}`)
  }
}

const replica = { key: 'SYMMETRIC_DEFAULT', input: { ReplicaRegion: 'eu-west-1' } } as const
test(draws, 'ReplicateKey', replica, 'ReplicateKey', 'CreateKey x2 in eu-west-1')
const moved = { key: 'SYMMETRIC_DEFAULT', input: { PrimaryRegion: 'eu-west-1' } } as const
test(draws, 'UpdatePrimaryRegion', moved, 'UpdatePrimaryRegion', 'UpdatePrimaryRegion in eu-west-1')

// A key that is not there has no spec.
test(draws, 'Encrypt', { input: {} }, 'Symmetric')
test(draws, 'Encrypt', { input: { EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' } }, 'RSA')
test(draws, 'Decrypt', { input: { EncryptionAlgorithm: 'SM2PKE' } }, 'ECC')
test(draws, 'Sign', { input: { SigningAlgorithm: 'RSASSA_PSS_SHA_256' } }, 'RSA')
test(draws, 'Sign', { input: { SigningAlgorithm: 'ECDSA_SHA_256' } }, 'ECC')
test(draws, 'Verify', { input: { SigningAlgorithm: 'ED25519_SHA_512' } }, 'ECC')
test(draws, 'Verify', { input: { SigningAlgorithm: 'ML_DSA_SHAKE_256' } }, 'ML-DSA')
test(draws, 'DeriveSharedSecret', { input: { KeyAgreementAlgorithm: 'ECDH' } }, 'ECC')
test(draws, 'Encapsulate', { input: { EncapsulationAlgorithm: 'ML_KEM' } }, 'ML-KEM')
test(draws, 'ReEncrypt', { source: 'RSA_2048', input: {} }, 'RSA', 'Symmetric')
test(draws, 'ReplicateKey', { input: { ReplicaRegion: 'eu-west-1' } }, 'ReplicateKey')
test(draws, 'GenerateDataKeyPair', { input: { KeyPairSpec: 'RSA_1024' } })
test(draws, 'GenerateDataKeyPair', { input: { KeyPairSpec: { a: 1 } } })

test('every other operation has a quota of its name', (t) => {
  const cryptographic = new Set(['GenerateRandom', ...SHAPES.KeyLastUsageTrackingOperation.enum])
  const others = (Object.keys(OPERATIONS) as OperationName[]).filter((name) => !cryptographic.has(name))
  t.is(others.length, 41)
  for (const name of others) t.is(drawn(name, { key: 'SYMMETRIC_DEFAULT', input: {} })[0], name)
})
