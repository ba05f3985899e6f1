/** The contract of making keys, of encryption under a public key, and of key pairs for use outside. */
import { constants, createPrivateKey, createPublicKey, publicEncrypt, randomBytes, type KeyType } from 'node:crypto'
import test from 'ava'
import { maxPlaintext, SPECS } from '../../../src/algorithms.ts'
import type { AsymmetricAlgorithm } from '../../../src/backends/backend.ts'
import type { KeySpec, KeyUsageType } from '../../../src/model/kms.ts'
import { flipped, refuses, spki, type Workbench } from './workbench.ts'

const hello = Buffer.from('attack at dawn')

const OAEP: readonly (readonly [algorithm: AsymmetricAlgorithm, oaepHash: string])[] = [
  ['RSAES_OAEP_SHA_1', 'sha1'],
  ['RSAES_OAEP_SHA_256', 'sha256'],
]

/** What node:crypto says of a public key of a spec; of others it knows nothing. */
const LOOKS: Readonly<Partial<Record<KeySpec, readonly [type: KeyType, detail?: string | number]>>> = {
  RSA_2048: ['rsa', 2048],
  RSA_3072: ['rsa', 3072],
  RSA_4096: ['rsa', 4096],
  ECC_NIST_P256: ['ec', 'prime256v1'],
  ECC_NIST_P384: ['ec', 'secp384r1'],
  ECC_NIST_P521: ['ec', 'secp521r1'],
  ECC_SECG_P256K1: ['ec', 'secp256k1'],
  ECC_NIST_EDWARDS25519: ['ed25519'],
}

const WRONG: readonly (readonly [what: string, damage: (ciphertext: Buffer) => Buffer])[] = [
  ['another bit at its end', (ciphertext) => flipped(ciphertext, -1)],
  ['a byte less', (ciphertext) => ciphertext.subarray(1)],
  ['a byte more', (ciphertext) => Buffer.concat([Buffer.of(0), ciphertext])],
  ['nothing', () => Buffer.alloc(0)],
  ['zeros', ({ length }) => Buffer.alloc(length)],
  ['a number beyond the modulus', ({ length }) => Buffer.alloc(length, 0xff)],
]

export function pairContract(bench: Workbench): void {
  for (const [spec, row] of Object.entries(SPECS) as [KeySpec, (typeof SPECS)[KeySpec]][]) {
    const [usage] = Object.keys(row.algorithms) as KeyUsageType[]
    if (!bench.hasSpec(spec)) {
      test(`refuses to make ${spec}`, (t) =>
        refuses(t, 'UnsupportedOperationException', () => bench.make(spec, usage!)))
      continue
    }
    test(`makes ${spec}`, async (t) => {
      const { material, publicKey } = await bench.make(spec, usage!)
      t.true(material.token!.length > 0)
      t.is(publicKey !== undefined, row.family === 'asymmetric')
      const looks = LOOKS[spec]
      if (!looks) return
      const { asymmetricKeyType: type, asymmetricKeyDetails: details } = spki(publicKey)
      t.deepEqual([type, details?.modulusLength ?? details?.namedCurve], [looks[0], looks[1]])
    })
  }

  for (const [algorithm, oaepHash] of OAEP) {
    if (!bench.has(algorithm)) continue
    const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }

    test(`${algorithm}: decrypts what node:crypto and the backend itself encrypt`, async (t) => {
      const { material, publicKey } = await bench.shared('RSA_2048', 'ENCRYPT_DECRYPT')
      const asymmetric = bench.backend.asymmetric!
      for (const size of [0, 1, 32, maxPlaintext('RSA_2048', algorithm)]) {
        const plaintext = randomBytes(size)
        const theirs = publicEncrypt({ key: spki(publicKey), ...padding }, plaintext)
        t.deepEqual(Buffer.from(await asymmetric.decrypt(material, algorithm, theirs)), plaintext)
        const ours = await asymmetric.encrypt(material, algorithm, plaintext)
        t.is(ours.length, 256)
        t.deepEqual(Buffer.from(await asymmetric.decrypt(material, algorithm, ours)), plaintext)
      }
    })

    for (const [what, damage] of WRONG) {
      test(`${algorithm}: does not decrypt what has ${what}`, async (t) => {
        const { material, publicKey } = await bench.shared('RSA_2048', 'ENCRYPT_DECRYPT')
        const ciphertext = publicEncrypt({ key: spki(publicKey), ...padding }, hello)
        await refuses(t, 'InvalidCiphertextException', () =>
          bench.backend.asymmetric!.decrypt(material, algorithm, damage(ciphertext)),
        )
        t.deepEqual(
          Buffer.from(await bench.backend.asymmetric!.decrypt(material, algorithm, ciphertext)),
          hello,
          'and goes on',
        )
      })
    }
  }

  test('RSAES-OAEP: does not decrypt what was encrypted with the other hash, without padding, or with a label', async (t) => {
    const { material, publicKey } = await bench.shared('RSA_2048', 'ENCRYPT_DECRYPT')
    const key = spki(publicKey)
    const decrypt = (algorithm: AsymmetricAlgorithm, ciphertext: Buffer) => () =>
      bench.backend.asymmetric!.decrypt(material, algorithm, ciphertext)
    for (const [algorithm, oaepHash] of OAEP) {
      const padding = constants.RSA_PKCS1_OAEP_PADDING
      const other = oaepHash === 'sha1' ? 'sha256' : 'sha1'
      const strangers = [
        publicEncrypt({ key, padding, oaepHash: other }, hello),
        publicEncrypt({ key, padding, oaepHash, oaepLabel: Buffer.from('label') }, hello),
        publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, hello),
        publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, Buffer.alloc(256, 0x01)),
      ]
      for (const stranger of strangers) {
        await refuses(t, 'InvalidCiphertextException', decrypt(algorithm, stranger))
      }
    }
  })

  test('decrypts many at once', async (t) => {
    const { material, publicKey } = await bench.shared('RSA_2048', 'ENCRYPT_DECRYPT')
    const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
    const plaintexts = Array.from({ length: 20 }, () => randomBytes(40))
    const opened = await Promise.all(
      plaintexts.map(async (plaintext) =>
        bench.backend.asymmetric!.decrypt(
          material,
          'RSAES_OAEP_SHA_256',
          publicEncrypt({ key: spki(publicKey), ...padding }, plaintext),
        ),
      ),
    )
    t.deepEqual(
      opened.map((each) => Buffer.from(each)),
      plaintexts,
    )
  })

  for (const [spec, looks] of Object.entries(LOOKS) as [KeySpec, readonly [KeyType]][]) {
    // They differ in nothing but the time they take.
    if (spec === 'RSA_3072' || spec === 'RSA_4096') continue
    test(`makes key pairs of ${spec} for use outside`, async (t) => {
      const { material } = await bench.shared('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT')
      const { keyPairs, cipher } = bench.backend
      const context = { to: 'bob' }
      const made = await keyPairs!.generate(material, SPECS[spec].hsm, context, true)
      const privateKey = createPrivateKey({ key: Buffer.from(made.plaintext!), type: 'pkcs8', format: 'der' })
      t.is(privateKey.asymmetricKeyType, looks[0])
      t.true(createPublicKey(privateKey).equals(spki(made.publicKey)))
      t.deepEqual(Buffer.from(await cipher.open(material, made.blob, context)), Buffer.from(made.plaintext!))
      await refuses(t, 'InvalidCiphertextException', () => cipher.open(material, made.blob, undefined))

      const hidden = await keyPairs!.generate(material, SPECS[spec].hsm, context, false)
      t.is(hidden.plaintext, undefined)
      const opened = Buffer.from(await cipher.open(material, hidden.blob, context))
      const key = createPrivateKey({ key: opened, type: 'pkcs8', format: 'der' })
      t.true(createPublicKey(key).equals(spki(hidden.publicKey)))
    })
  }
}
