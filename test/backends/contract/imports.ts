/** The contract of keys from outside: whatever comes in is the key it was, and nothing comes in under another's token. */
import {
  constants,
  createHash,
  createHmac,
  generateKeyPairSync,
  privateDecrypt,
  randomBytes,
  verify,
} from 'node:crypto'
import test from 'ava'
import { DAY } from '../../../src/clock.ts'
import type { Key } from '../../../src/keys.ts'
import type { AlgorithmSpec, KeySpec, KeyUsageType } from '../../../src/model/kms.ts'
import { node } from '../../helpers/wrapping.ts'
import { materialOf, refuses, waiting, type Workbench } from './workbench.ts'

const NOW = Date.UTC(2026, 10, 24)

const wrap = {
  RSAES_OAEP_SHA_1: (key: Uint8Array, material: Uint8Array) => node.oaep(key, material, 'sha1'),
  RSAES_OAEP_SHA_256: (key: Uint8Array, material: Uint8Array) => node.oaep(key, material, 'sha256'),
  RSA_AES_KEY_WRAP_SHA_1: (key: Uint8Array, material: Uint8Array) => node.keyWrap(key, material, 'sha1'),
  RSA_AES_KEY_WRAP_SHA_256: (key: Uint8Array, material: Uint8Array) => node.keyWrap(key, material, 'sha256'),
} as const

export type Wrapping = keyof typeof wrap

/** Brings `material` into the backend, for `key`. */
export async function imported(bench: Workbench, key: Key, material: Uint8Array, algorithm: Wrapping) {
  const importer = bench.backend.importer!
  const { token, publicKey } = await importer.parameters(key, 'RSA_2048', algorithm, NOW + DAY)
  const taken = await importer.import(key, token, wrap[algorithm](publicKey, material), NOW)
  return { ...taken, material: materialOf(taken.token) }
}

const der = { type: 'pkcs8', format: 'der' } as const
const pem = { type: 'spki', format: 'der' } as const
const pairs = {
  rsa: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  'P-256': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'P-521': () => generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  secp256k1: () => generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
  ed25519: () => generateKeyPairSync('ed25519'),
}

const SIGNERS = [
  ['RSA_2048', 'rsa', 'RSASSA_PKCS1_V1_5_SHA_256', 'sha256'],
  ['ECC_NIST_P256', 'P-256', 'ECDSA_SHA_256', 'sha256'],
  ['ECC_NIST_P521', 'P-521', 'ECDSA_SHA_512', 'sha512'],
  ['ECC_SECG_P256K1', 'secp256k1', 'ECDSA_SHA_256', 'sha256'],
  ['ECC_NIST_EDWARDS25519', 'ed25519', 'ED25519_SHA_512', undefined],
] as const

/** What is none of a key's material. */
const STRANGERS: readonly (readonly [what: string, spec: KeySpec, usage: KeyUsageType, material: () => Buffer])[] = [
  ['an AES key of 128 bits', 'SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT', () => randomBytes(16)],
  ['an AES key of 264 bits', 'SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT', () => randomBytes(33)],
  ['an HMAC key of another length', 'HMAC_256', 'GENERATE_VERIFY_MAC', () => randomBytes(31)],
]

export function importContract(bench: Workbench): void {
  for (const algorithm of Object.keys(wrap) as Wrapping[]) {
    const spec = algorithm.startsWith('RSA_AES') ? 'ECC_NIST_P256' : 'HMAC_256'
    test(`${algorithm}: what comes in is the key it was`, async (t) => {
      if (spec === 'HMAC_256') {
        const secret = randomBytes(32)
        const key = waiting('HMAC_256', 'GENERATE_VERIFY_MAC')
        const { material, id, publicKey } = await imported(bench, key, secret, algorithm)
        t.is(publicKey, undefined)
        t.is(id, createHash('sha256').update(`${key.id}\0`).update(secret).digest('hex'))
        const mac = await bench.backend.mac!.generate(material, 'HMAC_SHA_256', Buffer.from('hello'))
        t.deepEqual(Buffer.from(mac), createHmac('sha256', secret).update('hello').digest())
        return
      }
      const pair = pairs['P-256']()
      const key = waiting(spec, 'SIGN_VERIFY')
      const { publicKey, id } = await imported(bench, key, pair.privateKey.export(der), algorithm)
      t.deepEqual(Buffer.from(publicKey!), pair.publicKey.export(pem))
      t.is(id, createHash('sha256').update(`${key.id}\0`).update(publicKey!).digest('hex'))
    })
  }

  test('an AES key that came in twice is one key', async (t) => {
    const secret = randomBytes(32)
    const key = waiting('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT')
    const one = await imported(bench, key, secret, 'RSAES_OAEP_SHA_256')
    const two = await imported(bench, key, secret, 'RSAES_OAEP_SHA_1')
    t.is(one.id, two.id)
    const { cipher } = bench.backend
    const blob = await cipher.seal(one.material, Buffer.from('hello'), { to: 'bob' })
    const same = { ...two.material, header: one.material.header }
    t.is(Buffer.from(await cipher.open(same, blob, { to: 'bob' })).toString(), 'hello')
    const related = waiting('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT', 'a0000000-0000-4000-8000-000000000000')
    t.not((await imported(bench, related, secret, 'RSAES_OAEP_SHA_256')).id, one.id)
  })

  for (const [spec, kind, algorithm, hash] of SIGNERS) {
    if (!bench.hasSpec(spec)) continue
    test(`${spec}: a private key that came in signs as it did`, async (t) => {
      const { privateKey, publicKey } = pairs[kind]()
      const key = waiting(spec, 'SIGN_VERIFY')
      const { material } = await imported(bench, key, privateKey.export(der), 'RSA_AES_KEY_WRAP_SHA_256')
      const message = Buffer.from('attack at dawn')
      const signature = await bench.backend.signer!.sign(material, algorithm, 'RAW', message)
      t.true(verify(hash, message, publicKey, signature))
      t.true(await bench.backend.signer!.verify(material, algorithm, 'RAW', message, signature))
    })
  }

  test('an RSA key that came in decrypts as it did', async (t) => {
    const { privateKey } = pairs.rsa()
    const key = waiting('RSA_2048', 'ENCRYPT_DECRYPT')
    const { material } = await imported(bench, key, privateKey.export(der), 'RSA_AES_KEY_WRAP_SHA_256')
    const ciphertext = await bench.backend.asymmetric!.encrypt(material, 'RSAES_OAEP_SHA_256', Buffer.from('hello'))
    const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
    t.is(privateDecrypt({ key: privateKey, ...padding }, ciphertext).toString(), 'hello')
    const opened = await bench.backend.asymmetric!.decrypt(material, 'RSAES_OAEP_SHA_256', ciphertext)
    t.is(Buffer.from(opened).toString(), 'hello')
  })

  for (const [what, spec, usage, material] of STRANGERS) {
    test(`does not take in ${what} for ${spec}`, async (t) => {
      await refuses(t, 'InvalidCiphertextException', () =>
        imported(bench, waiting(spec, usage), material(), 'RSAES_OAEP_SHA_256'),
      )
    })
  }

  test('does not take in what is no key, or one of another spec', async (t) => {
    const key = waiting('ECC_NIST_P256', 'SIGN_VERIFY')
    const algorithm = 'RSA_AES_KEY_WRAP_SHA_256'
    await refuses(t, 'InvalidCiphertextException', () => imported(bench, key, randomBytes(138), algorithm))
    const cut = pairs['P-256']().privateKey.export(der).subarray(0, -3)
    await refuses(t, 'InvalidCiphertextException', () => imported(bench, key, cut, algorithm))
    for (const other of [pairs['P-521'](), pairs.secp256k1(), pairs.ed25519(), pairs.rsa()]) {
      await refuses(t, 'ValidationException', () => imported(bench, key, other.privateKey.export(der), algorithm))
    }
  })

  test('an import token is good for its key, until it expires, and for its way of wrapping', async (t) => {
    const importer = bench.backend.importer!
    const key = waiting('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT')
    const other = waiting('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT', 'a0000000-0000-4000-8000-000000000000')
    const { token, publicKey } = await importer.parameters(key, 'RSA_2048', 'RSAES_OAEP_SHA_256', NOW + DAY)
    const secret = randomBytes(32)
    const wrapped = wrap.RSAES_OAEP_SHA_256(publicKey, secret)
    const take = (whose: Key, by: Uint8Array, what: Uint8Array, now = NOW) => importer.import(whose, by, what, now)
    for (const [whose, by] of [
      [other, token],
      [key, Buffer.concat([token, Buffer.of(0)])],
      [key, token.subarray(1)],
      [key, randomBytes(token.length)],
      [key, Buffer.alloc(1)],
      ...[0, 1, 5, 9, 12, token.length - 1].map((at) => [key, changed(token, at)] as const),
    ] as const) {
      await refuses(t, 'InvalidImportTokenException', () => take(whose, by, wrapped))
    }
    await refuses(t, 'ExpiredImportTokenException', () => take(key, token, wrapped, NOW + DAY))
    for (const [way, material] of [
      ['RSAES_OAEP_SHA_1', secret],
      ['RSA_AES_KEY_WRAP_SHA_256', secret],
    ] as const satisfies readonly (readonly [AlgorithmSpec, Buffer])[]) {
      await refuses(t, 'InvalidCiphertextException', () => take(key, token, wrap[way](publicKey, material)))
    }
    await refuses(t, 'InvalidCiphertextException', () => take(key, token, Buffer.alloc(256)))
    await refuses(t, 'InvalidCiphertextException', () => take(key, token, wrapped.subarray(1)))
    await refuses(t, 'InvalidCiphertextException', () => take(key, token, Buffer.alloc(0)))
    t.regex((await take(key, token, wrapped, NOW + DAY - 1)).id, /^[0-9a-f]{64}$/)
  })
}

function changed(bytes: Uint8Array, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at]! ^= 1
  return copy
}
