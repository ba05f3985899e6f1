/** Keys and inputs that are chosen to make a token talk: bad keys, points off their curve, padding that is nearly right. */
import { createHash } from 'node:crypto'
import { PAPERS } from '../attack.ts'
import type { Check } from '../check.ts'
import { mechanism, nameOf, word, wordIn, type Mechanism, type Template } from '../cryptoki/memory.ts'
import { CKR } from '../cryptoki/numbers.ts'
import type { Device } from '../device.ts'
import { aesKey, ecPair, ecPublic, hex, imported, rsaPair } from '../keys.ts'
import { ecdh, gcm, oaep } from '../parameters.ts'
import { secret } from '../samples.ts'
import { row } from '../row.ts'

const OAEP: Mechanism = { type: 'RSA_PKCS_OAEP', parameter: oaep('sha1') }

/** Exponents that make no key, and moduli that make a bad one. */
const BAD_RSA = [
  ['exponent-1', 'critical', 2048, '01', 'encrypts nothing'],
  ['exponent-2', 'critical', 2048, '02', 'has no inverse'],
  ['exponent-0', 'critical', 2048, '00', 'is none'],
  ['exponent-even', 'major', 2048, '010002', 'is even'],
] as const

const rsa = BAD_RSA.map(([name, severity, bits, exponent, why]) =>
  row(
    `key.rsa.${name}`,
    severity,
    'C_GenerateKeyPair',
    `no RSA key is made whose exponent ${why}`,
    (device) => {
      const { rv } = rsaPair(device, device.session(), ['VERIFY'], ['SIGN'], bits, exponent)
      device.require(rv !== CKR.OK, 'an error', 'CKR_OK')
    },
    { needs: ['RSA_PKCS_KEY_PAIR_GEN'], patience: 60 },
  ),
)

const small = ([512, 1024] as const).map((bits) =>
  row(
    `key.rsa.${bits}-bits`,
    bits === 512 ? 'minor' : 'note',
    'NIST SP 800-131A',
    `no RSA key of ${bits} bits is made any more`,
    (device) => {
      const { rv } = rsaPair(device, device.session(), ['VERIFY'], ['SIGN'], bits)
      device.require(rv !== CKR.OK, 'an error', 'CKR_OK')
    },
    { needs: ['RSA_PKCS_KEY_PAIR_GEN'] },
  ),
)

const aes = [0, 8, 15, 17, 33, 64].map((bytes) =>
  row(
    `key.aes.${bytes}-bytes`,
    'major',
    'C_GenerateKey',
    `no AES key of ${bytes} bytes is made`,
    (device) => {
      const { rv } = device.generate(device.session(), { type: 'AES_KEY_GEN' }, [{ type: 'VALUE_LEN', value: bytes }])
      device.expect(
        rv,
        'KEY_SIZE_RANGE',
        'ATTRIBUTE_VALUE_INVALID',
        'TEMPLATE_INCONSISTENT',
        'ATTRIBUTE_READ_ONLY',
        'TEMPLATE_INCOMPLETE',
      )
    },
    { needs: ['AES_KEY_GEN'] },
  ),
)

const templates: Readonly<Record<string, readonly [string, Template]>> = {
  'no-length': ['without its length', []],
  'private-class': [
    'of another class',
    [
      { type: 'VALUE_LEN', value: 32 },
      { type: 'CLASS', value: 2 },
    ],
  ],
  'key-type': [
    'of another type',
    [
      { type: 'VALUE_LEN', value: 32 },
      { type: 'KEY_TYPE', value: 0 },
    ],
  ],
  value: [
    'of a value that is known',
    [
      { type: 'VALUE_LEN', value: 32 },
      { type: 'VALUE', value: Buffer.alloc(32) },
    ],
  ],
}

const generating = Object.entries(templates).map(([name, [what, template]]) =>
  row(
    `key.aes.${name}`,
    'minor',
    'C_GenerateKey',
    `no AES key is generated ${what}`,
    (device) => {
      const { rv } = device.generate(device.session(), { type: 'AES_KEY_GEN' }, template)
      device.expect(
        rv,
        'TEMPLATE_INCOMPLETE',
        'TEMPLATE_INCONSISTENT',
        'ATTRIBUTE_VALUE_INVALID',
        'ATTRIBUTE_READ_ONLY',
        'ATTRIBUTE_TYPE_INVALID',
      )
    },
    { needs: ['AES_KEY_GEN'] },
  ),
)

/** Of P-256: a point with one bit turned is on a curve of the attacker's choice; the others are none. */
const POINT = hex(
  '046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5',
)
const POINTS: Readonly<Record<string, Buffer>> = {
  'off-curve': Buffer.concat([POINT.subarray(0, 64), Buffer.of(POINT[64]! ^ 1)]),
  infinity: Buffer.of(0),
  zero: Buffer.concat([Buffer.of(4), Buffer.alloc(64)]),
  short: POINT.subarray(0, 64),
}

const points = Object.entries(POINTS).flatMap(([name, point]) => [
  from(
    'curves',
    row(
      `attack.curve.${name}`,
      'critical',
      '',
      `no secret is agreed on with a point that is none (${name})`,
      (device) => {
        const session = device.session()
        const { rv, privateKey } = ecPair(device, session, 'secp256r1', ['VERIFY'], ['DERIVE'])
        device.expect(rv, 'OK')
        const wanted = secret('GENERIC_SECRET', { type: 'VALUE_LEN', value: 32 })
        const derived = device.derive(session, { type: 'ECDH1_DERIVE', parameter: ecdh(point) }, privateKey, wanted)
        device.require(derived.rv !== CKR.OK, 'an error', 'CKR_OK')
      },
      { needs: ['EC_KEY_PAIR_GEN', 'ECDH1_DERIVE'] },
    ),
  ),
  row(
    `key.ec.${name}`,
    'minor',
    'C_CreateObject',
    `a point that is none is no public key (${name})`,
    (device) => {
      const session = device.session()
      device.require(!imported(device, session, ecPublic('secp256r1', point, 'VERIFY')), 'an error', 'CKR_OK')
    },
    { needs: ['ECDSA'] },
  ),
])

/** Blocks that are nearly right, each wrong in a way of its own; what is answered to them has to be one and the same. */
const NEARLY_PKCS1: Readonly<Record<string, Buffer>> = {
  type: block(Buffer.of(0, 1), 222, Buffer.of(0), Buffer.alloc(31, 7)),
  first: block(Buffer.of(7, 2), 222, Buffer.of(0), Buffer.alloc(31, 7)),
  endless: block(Buffer.of(0, 2), 254),
  early: Buffer.concat([Buffer.of(0, 2, 9, 0), Buffer.alloc(252, 7)]),
}
const LABEL_HASH = createHash('sha1').update('').digest()
const NEARLY_OAEP: Readonly<Record<string, Buffer>> = {
  first: Buffer.concat([Buffer.of(1), Buffer.alloc(255, 7)]),
  label: Buffer.concat([Buffer.of(0), Buffer.alloc(255, 7)]),
  rubbish: Buffer.concat([Buffer.of(0), LABEL_HASH, Buffer.alloc(235, 0x31)]),
}

const oracles: readonly Check[] = [
  from(
    'bleichenbacher',
    row(
      'attack.oracle.pkcs1.unwrap',
      'critical',
      '',
      'what is wrong with a wrapped key is not told (PKCS#1)',
      (device) =>
        alike(
          device,
          NEARLY_PKCS1,
          (session, key, text) => device.unwrap(session, { type: 'RSA_PKCS' }, key, text, secret('AES')).rv,
        ),
      { needs: ['RSA_PKCS_KEY_PAIR_GEN', 'RSA_PKCS'] },
    ),
  ),
  from(
    'bleichenbacher',
    row(
      'attack.oracle.pkcs1.unwrap-length',
      'major',
      '',
      'a wrapped key of a bad length is answered as one that is badly padded (PKCS#1)',
      (device) =>
        alike(
          device,
          { type: NEARLY_PKCS1.type!, length: block(Buffer.of(0, 2), 248, Buffer.of(0), Buffer.alloc(5, 7)) },
          (session, key, text) => device.unwrap(session, { type: 'RSA_PKCS' }, key, text, secret('AES')).rv,
        ),
      { needs: ['RSA_PKCS_KEY_PAIR_GEN', 'RSA_PKCS'] },
    ),
  ),
  from(
    'bleichenbacher',
    row(
      'attack.oracle.pkcs1.decrypt',
      'major',
      '',
      'what is wrong with a ciphertext is not told (PKCS#1)',
      (device) =>
        alike(
          device,
          NEARLY_PKCS1,
          (session, key, text) => device.decrypt(session, { type: 'RSA_PKCS' }, key, text).rv,
        ),
      { needs: ['RSA_PKCS_KEY_PAIR_GEN', 'RSA_PKCS'] },
    ),
  ),
  from(
    'bleichenbacher',
    row(
      'attack.oracle.pkcs1.implicit',
      'note',
      '',
      'a badly padded ciphertext decrypts to something, as a good one does (PKCS#1)',
      (device) =>
        alike(
          device,
          { type: NEARLY_PKCS1.type!, good: block(Buffer.of(0, 2), 221, Buffer.of(0), Buffer.alloc(32, 7)) },
          (session, key, text) => device.decrypt(session, { type: 'RSA_PKCS' }, key, text).rv,
        ),
      { needs: ['RSA_PKCS_KEY_PAIR_GEN', 'RSA_PKCS'] },
    ),
  ),
  from(
    'manger',
    row(
      'attack.oracle.oaep.decrypt',
      'critical',
      '',
      'what is wrong with a ciphertext is not told (OAEP)',
      (device) => alike(device, NEARLY_OAEP, (session, key, text) => device.decrypt(session, OAEP, key, text).rv),
      { needs: ['RSA_PKCS_KEY_PAIR_GEN', 'RSA_PKCS_OAEP'] },
    ),
  ),
  from(
    'manger',
    row(
      'attack.oracle.oaep.unwrap',
      'critical',
      '',
      'what is wrong with a wrapped key is not told (OAEP)',
      (device) =>
        alike(device, NEARLY_OAEP, (session, key, text) => device.unwrap(session, OAEP, key, text, secret('AES')).rv),
      { needs: ['RSA_PKCS_KEY_PAIR_GEN', 'RSA_PKCS_OAEP'] },
    ),
  ),
  from(
    'vaudenay',
    row(
      'attack.oracle.cbc-pad',
      'minor',
      '',
      'what is wrong with padding is not told (CBC)',
      (device) => {
        const session = device.session()
        const key = aesKey(device, session, ['ENCRYPT', 'DECRYPT'])
        const texts = ['00', '11', '0302'].map((end) =>
          Buffer.concat([Buffer.alloc(32 - end.length / 2, 0x61), hex(end)]),
        )
        const answers = texts.map((text) => {
          const { bytes } = device.encrypt(session, { type: 'AES_CBC', parameter: Buffer.alloc(16) }, key, text)
          return device.decrypt(session, { type: 'AES_CBC_PAD', parameter: Buffer.alloc(16) }, key, Buffer.from(bytes))
            .rv
        })
        one(device, answers)
      },
      { needs: ['AES_KEY_GEN', 'AES_CBC', 'AES_CBC_PAD'] },
    ),
  ),
  row(
    'attack.gcm.unverified',
    'major',
    '6.13.3 AES-GCM authenticated encryption',
    'nothing of a message is given away before its tag was verified',
    (device) => {
      const session = device.session()
      const how: Mechanism = { type: 'AES_GCM', parameter: gcm(Buffer.alloc(12, 1)) }
      const key = aesKey(device, session, ['DECRYPT'])
      device.expect(device.call('C_DecryptInit', session, mechanism(how), key), 'OK')
      const length = word(512)
      device.expect(device.call('C_DecryptUpdate', session, Buffer.alloc(128, 1), 128, Buffer.alloc(512), length), 'OK')
      device.require(wordIn(length) === 0, '0 bytes', `${wordIn(length)} bytes`)
      const rv = device.call('C_DecryptFinal', session, Buffer.alloc(512), word(512))
      device.require(rv !== CKR.OK, 'an error for a wrong tag', 'CKR_OK')
    },
    { needs: ['AES_KEY_GEN', 'AES_GCM'] },
  ),
]

export const ORACLES: readonly Check[] = [...rsa, ...small, ...aes, ...generating, ...points, ...oracles]

/** An attack is known from a paper rather than from the standard. */
function from(paper: keyof typeof PAPERS, check: Check): Check {
  return { ...check, clause: PAPERS[paper] }
}

/** A block of 256 bytes: a beginning, padding that has no zero, and an end. */
function block(start: Buffer, padding: number, ...end: readonly Buffer[]): Buffer {
  return Buffer.concat([start, Buffer.alloc(padding, 9), ...end])
}

/**
 * Encrypts each block as it is with a public key, and says so unless all are answered alike. What is made up for bad padding may
 * have a good length by chance: who tells bad from worse does so under each of three keys.
 */
function alike(
  device: Device,
  texts: Readonly<Record<string, Buffer>>,
  answer: (session: number, key: number, text: Buffer) => number,
): void {
  const session = device.session()
  const tell = (): number[] => {
    const { rv, publicKey, privateKey } = rsaPair(device, session, ['ENCRYPT'], ['DECRYPT', 'UNWRAP'])
    device.expect(rv, 'OK')
    const modulus = device.get(session, publicKey, 'MODULUS').bytes
    return Object.values(texts).map((text) => answer(session, privateKey, raised(modulus, text)))
  }
  const tries = [tell, tell, tell]
  const isTold = tries.every((each) => new Set(each()).size > 1)
  if (isTold) one(device, tell())
}

function one(device: Device, answers: readonly number[]): void {
  const names = [...new Set(answers.map((rv) => nameOf(CKR, 'CKR', rv)))]
  device.require(names.length === 1, 'one answer to all of them', names.join(' and '))
}

/** RSA as it is: to the power of 65537. */
function raised(modulus: Buffer, text: Buffer): Buffer {
  const [n, base] = [modulus, text].map((bytes) => BigInt(`0x${bytes.toString('hex')}`)) as [bigint, bigint]
  let power = base
  for (let square = 0; square < 16; square++) power = (power * power) % n
  return hex(((power * base) % n).toString(16).padStart(2 * modulus.length, '0'))
}
