/** The contract of MACs and shared secrets. */
import { diffieHellman, generateKeyPairSync, randomBytes } from 'node:crypto'
import test from 'ava'
import { SPECS } from '../../../src/algorithms.ts'
import type { KeySpec, MacAlgorithmSpec } from '../../../src/model/kms.ts'
import { flipped, refuses, spki, type Workbench } from './workbench.ts'

const message = Buffer.from('attack at dawn')

const MACS: readonly (readonly [spec: KeySpec, algorithm: MacAlgorithmSpec, length: number])[] = [
  ['HMAC_224', 'HMAC_SHA_224', 28],
  ['HMAC_256', 'HMAC_SHA_256', 32],
  ['HMAC_384', 'HMAC_SHA_384', 48],
  ['HMAC_512', 'HMAC_SHA_512', 64],
]

const CURVES: readonly (readonly [spec: KeySpec, name: string, length: number])[] = [
  ['ECC_NIST_P256', 'P-256', 32],
  ['ECC_NIST_P384', 'P-384', 48],
  ['ECC_NIST_P521', 'P-521', 66],
]

const KEMS: readonly (readonly [spec: KeySpec, ciphertext: number])[] = [
  ['ML_KEM_512', 768],
  ['ML_KEM_768', 1088],
  ['ML_KEM_1024', 1568],
]

export function secretContract(bench: Workbench): void {
  for (const [spec, algorithm, length] of MACS) {
    if (!bench.has(algorithm)) continue
    test(`${algorithm}: the same MAC for the same message, and for no other`, async (t) => {
      const mac = bench.backend.mac!
      const { material } = await bench.shared(spec, 'GENERATE_VERIFY_MAC')
      const right = Buffer.from(await mac.generate(material, algorithm, message))
      t.is(right.length, length)
      t.deepEqual(Buffer.from(await mac.generate(material, algorithm, message)), right)
      t.true(await mac.verify(material, algorithm, message, right))
      t.false(await mac.verify(material, algorithm, flipped(message, 0), right), 'another message')
      t.false(await mac.verify(material, algorithm, message, flipped(right, -1)), 'another bit')
      t.false(await mac.verify(material, algorithm, message, right.subarray(0, -1)), 'cut off')
      t.false(await mac.verify(material, algorithm, message, Buffer.concat([right, Buffer.of(0)])), 'drawn out')
      t.false(await mac.verify(material, algorithm, message, Buffer.alloc(0)), 'nothing')
      const other = await bench.make(spec, 'GENERATE_VERIFY_MAC')
      t.false(await mac.verify(other.material, algorithm, message, right), 'another key')
    })
  }

  for (const [spec, name, length] of CURVES) {
    if (!bench.has(`ECDH ${SPECS[spec].hsm}`)) continue
    test(`${spec}: agrees with node:crypto on a secret`, async (t) => {
      const { material, publicKey } = await bench.shared(spec, 'KEY_AGREEMENT')
      // Often enough for coordinates that begin with a zero.
      for (let i = 0; i < 300; i++) {
        const peer = generateKeyPairSync('ec', { namedCurve: name })
        const theirs = diffieHellman({ privateKey: peer.privateKey, publicKey: spki(publicKey) })
        const der = peer.publicKey.export({ type: 'spki', format: 'der' })
        const ours = await bench.backend.agreement!.derive(material, der)
        t.is(ours.length, length)
        if (!theirs.equals(ours)) t.deepEqual(Buffer.from(ours), theirs)
      }
    })

    test(`${spec}: agrees with nobody on another curve, or none`, async (t) => {
      const { material, publicKey } = await bench.shared(spec, 'KEY_AGREEMENT')
      const own = Buffer.from(publicKey!)
      const of = (curve: string) =>
        generateKeyPairSync('ec', { namedCurve: curve }).publicKey.export({ type: 'spki', format: 'der' })
      const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
      const strangers: readonly Uint8Array[] = [
        ...['P-256', 'P-384', 'P-521', 'secp256k1'].filter((curve) => curve !== name).map(of),
        rsa.export({ type: 'spki', format: 'der' }),
        generateKeyPairSync('x25519').publicKey.export({ type: 'spki', format: 'der' }),
        flipped(own, -1),
        own.subarray(0, -1),
        Buffer.concat([own, Buffer.of(0)]),
        randomBytes(91),
        Buffer.of(0x30, 0),
      ]
      for (const stranger of strangers) {
        await refuses(t, 'ValidationException', () => bench.backend.agreement!.derive(material, stranger))
      }
    })
  }

  for (const [spec, length] of KEMS) {
    if (!bench.hasSpec(spec)) continue
    test(`${spec}: a secret goes over, and another ciphertext carries another`, async (t) => {
      const kem = bench.backend.kem!
      const { material } = await bench.shared(spec, 'ENCAPSULATE_DECAPSULATE')
      const { secret, ciphertext } = await kem.encapsulate(material)
      t.is(secret.length, 32)
      t.is(ciphertext.length, length)
      t.deepEqual(await kem.decapsulate(material, ciphertext), secret)
      t.notDeepEqual(await kem.decapsulate(material, flipped(ciphertext, 0)), secret)
      await refuses(t, 'InvalidCiphertextException', () => kem.decapsulate(material, ciphertext.subarray(1)))
    })
  }
}
