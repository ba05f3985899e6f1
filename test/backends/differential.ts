/**
 * The same keys in the Rust HSM and in a token: what has one answer is compared bit by bit, and what is drawn at
 * random each undoes or verifies for the other. The frame's body is opened once more by node:crypto.
 */
import { createDecipheriv, generateKeyPairSync, randomBytes } from 'node:crypto'
import test from 'ava'
import { Hsm } from '../../bindings/node/index.js'
import { nativeBackend } from '../../src/backends/native.ts'
import { aadOf, HEADER } from '../../src/ciphertext.ts'
import type { Material } from '../../src/keys.ts'
import type { KeySpec, KeyUsageType, MacAlgorithmSpec, SigningAlgorithmSpec } from '../../src/model/kms.ts'
import { Roots } from '../../src/roots.ts'
import type { Subject } from './contract.ts'
import { imported } from './contract/imports.ts'
import { waiting, Workbench } from './contract/workbench.ts'

const der = { type: 'pkcs8', format: 'der' } as const
const ec = (namedCurve: string) => () => generateKeyPairSync('ec', { namedCurve }).privateKey.export(der)
const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(der)
const ed25519 = () => generateKeyPairSync('ed25519').privateKey.export(der)

/** The KMS takes none that is empty, and tokens refuse them. */
const MESSAGES = [1, 63, 64, 65, 4096].map((size) => randomBytes(size))

const MACS: readonly (readonly [KeySpec, MacAlgorithmSpec, number])[] = [
  ['HMAC_224', 'HMAC_SHA_224', 28],
  ['HMAC_256', 'HMAC_SHA_256', 32],
  ['HMAC_384', 'HMAC_SHA_384', 48],
  ['HMAC_512', 'HMAC_SHA_512', 64],
]
const SIGNERS: readonly (readonly [KeySpec, SigningAlgorithmSpec, () => Buffer, same: boolean])[] = [
  ['RSA_2048', 'RSASSA_PKCS1_V1_5_SHA_256', rsa, true],
  ['RSA_2048', 'RSASSA_PKCS1_V1_5_SHA_384', rsa, true],
  ['RSA_2048', 'RSASSA_PKCS1_V1_5_SHA_512', rsa, true],
  ['RSA_2048', 'RSASSA_PSS_SHA_256', rsa, false],
  ['RSA_2048', 'RSASSA_PSS_SHA_384', rsa, false],
  ['RSA_2048', 'RSASSA_PSS_SHA_512', rsa, false],
  ['ECC_NIST_P256', 'ECDSA_SHA_256', ec('P-256'), false],
  ['ECC_NIST_P384', 'ECDSA_SHA_384', ec('P-384'), false],
  ['ECC_NIST_P521', 'ECDSA_SHA_512', ec('P-521'), false],
  ['ECC_SECG_P256K1', 'ECDSA_SHA_256', ec('secp256k1'), false],
  ['ECC_NIST_EDWARDS25519', 'ED25519_SHA_512', ed25519, true],
]
/** Compares the subject with the Rust HSM. */
export function differential(subject: Subject): void {
  const native = new Workbench([])
  const token = new Workbench(subject.lacks ?? [])

  test.before('both open', async (t) => {
    native.backend = nativeBackend(Hsm.create(randomBytes(32)), { roots: new Roots([]), window: 300_000 })
    token.backend = await subject.open()
    t.pass()
  })
  test.after.always('both close', async (t) => {
    await native.backend.close()
    await token.backend.close()
    t.pass()
  })

  /** One key in both, which both call by one id and one public key. */
  async function both(spec: KeySpec, usage: KeyUsageType, secret: Uint8Array): Promise<readonly [Material, Material]> {
    const key = waiting(spec, usage)
    const way = secret.length > 64 ? 'RSA_AES_KEY_WRAP_SHA_256' : 'RSAES_OAEP_SHA_256'
    const [one, two] = await Promise.all([native, token].map((bench) => imported(bench, key, secret, way)))
    if (one!.id !== two!.id) throw new Error(`${spec}: two ids for one key`)
    if (one!.publicKey && !Buffer.from(one!.publicKey).equals(two!.publicKey!))
      throw new Error(`${spec}: two public keys`)
    return [one!.material, two!.material]
  }

  for (const [spec, algorithm, size] of MACS) {
    test(`${algorithm}: the same bits`, async (t) => {
      const [one, two] = await both(spec, 'GENERATE_VERIFY_MAC', randomBytes(size))
      for (const message of MESSAGES) {
        const mac = Buffer.from(await native.backend.mac!.generate(one, algorithm, message))
        t.deepEqual(Buffer.from(await token.backend.mac!.generate(two, algorithm, message)), mac)
      }
    })
  }

  for (const [spec, algorithm, make, same] of SIGNERS) {
    if (!token.hasSpec(spec)) continue
    test(`${spec} ${algorithm}: ${same ? 'the same bits' : 'each verifies what the other signs'}`, async (t) => {
      const [one, two] = await both(spec, 'SIGN_VERIFY', make())
      for (const message of MESSAGES) {
        const ours = Uint8Array.from(await native.backend.signer!.sign(one, algorithm, 'RAW', message))
        const theirs = Uint8Array.from(await token.backend.signer!.sign(two, algorithm, 'RAW', message))
        if (same) t.deepEqual(theirs, ours)
        t.true(await native.backend.signer!.verify(one, algorithm, 'RAW', message, theirs))
        t.true(await token.backend.signer!.verify(two, algorithm, 'RAW', message, ours))
      }
    })
  }

  for (const algorithm of ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'] as const) {
    test(`${algorithm}: each decrypts what the other encrypts`, async (t) => {
      const [one, two] = await both('RSA_2048', 'ENCRYPT_DECRYPT', rsa())
      for (const size of [0, 1, 32, 190]) {
        const plaintext = randomBytes(size)
        const ours = await native.backend.asymmetric!.encrypt(one, algorithm, plaintext)
        const theirs = await token.backend.asymmetric!.encrypt(two, algorithm, plaintext)
        t.deepEqual(Buffer.from(await native.backend.asymmetric!.decrypt(one, algorithm, theirs)), plaintext)
        t.deepEqual(Buffer.from(await token.backend.asymmetric!.decrypt(two, algorithm, ours)), plaintext)
      }
    })
  }

  for (const [spec, curve] of [
    ['ECC_NIST_P256', 'P-256'],
    ['ECC_NIST_P384', 'P-384'],
    ['ECC_NIST_P521', 'P-521'],
  ] as const) {
    test(`${spec} ECDH: the same bits`, async (t) => {
      const [one, two] = await both(spec, 'KEY_AGREEMENT', ec(curve)())
      for (let i = 0; i < 20; i++) {
        const { publicKey } = generateKeyPairSync('ec', { namedCurve: curve })
        const peer = publicKey.export({ type: 'spki', format: 'der' })
        const secret = Buffer.from(await native.backend.agreement!.derive(one, peer))
        t.deepEqual(Buffer.from(await token.backend.agreement!.derive(two, peer)), secret)
      }
    })
  }

  test('AES-256-GCM: the body is what node:crypto makes of nonce and IV together', async (t) => {
    const secret = randomBytes(32)
    const [, material] = await both('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT', secret)
    for (const message of MESSAGES) {
      const context = { to: 'bob' }
      const blob = Buffer.from(await token.backend.cipher.seal(material, message, context))
      const body = blob.subarray(HEADER)
      const decipher = createDecipheriv('aes-256-gcm', secret, body.subarray(0, 28))
      decipher.setAAD(aadOf(material.header, context)).setAuthTag(body.subarray(-16))
      t.deepEqual(Buffer.concat([decipher.update(body.subarray(28, -16)), decipher.final()]), message)
    }
  })
}
