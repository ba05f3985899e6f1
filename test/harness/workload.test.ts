/** Workloads: as people write them, with their mistakes told where they are; and the mixes that have a name. */
import test from 'ava'
import { misfit } from '../../src/harness/operations.ts'
import { MIXES, namesOf, parseWorkload, workloadOf } from '../../src/harness/workload.ts'
import { ConfigError } from '../../src/schema.ts'

test('a file says what differs from the usual', (t) => {
  const yaml = `
name: orders
operations:
  - { operation: Encrypt, weight: 3 }
  - { operation: Sign, keySpec: RSA_2048, algorithm: RSASSA_PSS_SHA_256 }
keys: 100
distribution: zipf
exponent: 1.2
`
  t.deepEqual(workloadOf(parseWorkload(yaml, 'orders.yaml')), {
    name: 'orders',
    operations: [
      { operation: 'Encrypt', keySpec: 'SYMMETRIC_DEFAULT', algorithm: 'SYMMETRIC_DEFAULT', weight: 3 },
      { operation: 'Sign', keySpec: 'RSA_2048', algorithm: 'RSASSA_PSS_SHA_256', weight: 1 },
    ],
    ...{ size: 1024, contextPairs: 2, seed: 1, keys: 100, principals: 1 },
    distribution: { kind: 'zipf', exponent: 1.2 },
    messagesPerRequest: undefined,
  })
})

const mistaken = test.macro({
  title: (_, why: string) => `told with its place: ${why}`,
  exec(t, _why: string, yaml: string, ...lines: string[]) {
    const error = t.throws(() => parseWorkload(yaml, 'w.yaml'), { instanceOf: ConfigError })
    t.deepEqual(error.message.split('\n'), lines)
  },
})
const AN_OPERATION = 'operations: [{ operation: Encrypt }]\n'
test(mistaken, 'no operation', 'keys: 1\n', 'w.yaml:1:1: `operations` is missing')
test(mistaken, 'an empty mix', 'operations: []\n', 'w.yaml:1:13: `operations` is empty')
test(
  mistaken,
  'an operation that there is not',
  'operations:\n  - operation: Encript\n',
  'w.yaml:2:16: `operation` must be one that there is; did you mean `Encrypt`?',
)
test(
  mistaken,
  'a key that the operation does not take',
  'operations:\n  - operation: Encrypt\n  - { operation: Sign, keySpec: HMAC_384 }\n',
  'w.yaml:3:5: Sign takes no key of HMAC_384; there are RSA_2048, RSA_3072, RSA_4096, ECC_NIST_P256, ECC_NIST_P384, ' +
    'ECC_NIST_P521, ECC_SECG_P256K1, ECC_NIST_EDWARDS25519, SM2, ML_DSA_44, ML_DSA_65, ML_DSA_87',
)
test(
  mistaken,
  'an algorithm that the key does not have',
  'operations:\n  - { operation: Sign, keySpec: ECC_NIST_P256, algorithm: ECDSA_SHA_512 }\n',
  'w.yaml:2:5: ECC_NIST_P256 has no algorithm `ECDSA_SHA_512` for Sign; there are ECDSA_SHA_256',
)
test(
  mistaken,
  'everything wrong, all at once',
  `${AN_OPERATION}size: 0\nkees: 3\ndistribution: normal\nexponent: steep\n`,
  'w.yaml:2:7: `size` must be a whole number from 1 to 4096',
  'w.yaml:3:1: unknown key `kees`; did you mean `keys`?',
  'w.yaml:4:15: `distribution` must be uniform or zipf',
  'w.yaml:5:11: `exponent` must be a number from 0 to 4.999',
)

for (const [name, [summary, written]] of Object.entries(MIXES)) {
  test(`the mix ${name} can be asked for: ${summary}`, (t) => {
    const { operations } = workloadOf(written)
    t.true(operations.length > 1)
    t.deepEqual(
      operations.map(({ operation, keySpec, algorithm }) => misfit(operation, keySpec, algorithm)),
      operations.map(() => undefined),
    )
    t.is(new Set(namesOf(operations)).size, operations.length)
  })
}

test('two of an operation are told apart by their keys, and then by their algorithms', (t) => {
  const { operations } = workloadOf({
    operations: [
      { operation: 'Sign', keySpec: 'RSA_2048' },
      { operation: 'Sign', keySpec: 'RSA_2048', algorithm: 'RSASSA_PSS_SHA_256' },
      { operation: 'Sign', keySpec: 'ECC_NIST_P256' },
      { operation: 'Encrypt' },
    ],
  })
  t.deepEqual(namesOf(operations), [
    'Sign RSA_2048 RSASSA_PKCS1_V1_5_SHA_256',
    'Sign RSA_2048 RSASSA_PSS_SHA_256',
    'Sign ECC_NIST_P256',
    'Encrypt',
  ])
})
