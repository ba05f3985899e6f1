/**
 * Key pairs and MAC keys through the N-API door, against node:crypto: every public format is one that others read and
 * write. Node's OpenSSL has no ML-DSA, no ML-KEM and no SM2 encryption; those are compared with their specifications.
 */
import { execFileSync } from 'node:child_process'
import {
  constants,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import test, { type ExecutionContext } from 'ava'

import { Hsm, type HsmOptions } from '../../bindings/node/index.js'
import { ALL, hello, refuses, ROOT, SPEC } from './device.ts'

const USE = { encrypt: 1, decrypt: 2, sign: 16, verify: 32, mac: 64, agree: 128, encapsulate: 256, decapsulate: 512 }
const SIGNING = USE.sign | USE.verify
const RAW = 0
const DIGEST = 1
const MU = 2

const spki = (key: Uint8Array) => createPublicKey({ key: Buffer.from(key), format: 'der', type: 'spki' })
const pkcs8 = (key: Uint8Array) => createPrivateKey({ key: Buffer.from(key), format: 'der', type: 'pkcs8' })
const der = (key: KeyObject) =>
  key.type === 'public' ? key.export({ format: 'der', type: 'spki' }) : key.export({ format: 'der', type: 'pkcs8' })
const flip = (bytes: Uint8Array) => Buffer.from(bytes).map((byte, at) => (at === bytes.length >> 1 ? byte ^ 1 : byte))

function device(t: ExecutionContext, options?: HsmOptions) {
  const hsm = Hsm.create(ROOT, { slots: 64, ...options })
  t.teardown(() => {
    hsm.close()
  })
  const verbs = hsm.verbs()
  return {
    hsm,
    verbs,
    sign(slot: number, scheme: number, form: number, message: Uint8Array) {
      const out = Buffer.alloc(5000)
      return out.subarray(0, verbs.sign(slot, scheme, form, message, out, 0))
    },
    async make(spec: string, usages: number) {
      const { token, publicKey } = await hsm.createAsync(spec, usages)
      return { slot: hsm.load(token), token, publicKey: publicKey! }
    },
  }
}

/** The schemes of a spec, with what node:crypto calls them. */
interface Signing {
  readonly scheme: number
  readonly hash: string | null
  readonly pss?: boolean
  readonly digest: boolean
}

const rsa: readonly Signing[] = [1, 2, 3, 4, 5, 6].map((scheme) => ({
  scheme,
  hash: ['sha256', 'sha384', 'sha512'][(scheme - 1) % 3]!,
  pss: scheme > 3,
  digest: true,
}))
const ecdsa = (hash: string): readonly Signing[] => [{ scheme: 7, hash, digest: true }]
const SIGNERS: Readonly<Record<string, readonly Signing[]>> = {
  RSA_2048: rsa,
  RSA_3072: rsa,
  RSA_4096: rsa,
  ECC_P256: ecdsa('sha256'),
  ECC_P384: ecdsa('sha384'),
  ECC_P521: ecdsa('sha512'),
  ECC_K256: ecdsa('sha256'),
  ED25519: [{ scheme: 8, hash: null, digest: false }],
}

const padded = (key: KeyObject, { pss, hash }: Signing) =>
  pss ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: createHash(hash!).digest().length } : { key }

for (const [spec, schemes] of Object.entries(SIGNERS)) {
  test(`${spec}: signatures are verified by node:crypto, and its by the device`, async (t) => {
    const { hsm, verbs, sign: signed, make } = device(t)
    const pair = await make(spec, SIGNING)
    t.deepEqual(hsm.publicKey(pair.token), pair.publicKey)
    const publicKey = spki(pair.publicKey)
    t.deepEqual(der(publicKey), pair.publicKey, 'the only encoding')
    const outside = hsm.load(hsm.import(spec, SIGNING, Buffer.from(der(other(spec)))))
    for (const signing of schemes) {
      const { scheme, hash } = signing
      const forms: [number, Buffer][] = [[RAW, hello]]
      if (signing.digest) forms.push([DIGEST, createHash(hash!).update(hello).digest()])
      for (const [form, message] of forms) {
        const signature = signed(pair.slot, scheme, form, message)
        t.true(verify(hash, hello, padded(publicKey, signing), signature), `${scheme} ${form}`)
        const aside = await hsm.signAsync(pair.slot, scheme, form, message)
        t.true(verify(hash, hello, padded(publicKey, signing), aside))
        const theirs = sign(hash, hello, padded(other(spec), signing))
        t.is(verbs.verify(outside, scheme, form, message, theirs), 1)
        t.is(verbs.verify(outside, scheme, form, message, flip(theirs)), 0)
        t.is(verbs.verify(outside, scheme, form, flip(message), theirs), 0)
        t.is(verbs.verify(pair.slot, scheme, form, message, theirs), 0)
        t.is(verbs.verify(pair.slot, scheme, form, message, new Uint8Array(0)), 0)
      }
    }
  })
}

const OTHERS = new Map<string, KeyObject>()

/** A private key of node:crypto's own. */
function other(spec: string): KeyObject {
  const made = OTHERS.get(spec) ?? generate(spec)
  OTHERS.set(spec, made)
  return made
}

const CURVES: Readonly<Record<string, string>> = {
  ECC_P256: 'prime256v1',
  ECC_P384: 'secp384r1',
  ECC_P521: 'secp521r1',
  ECC_K256: 'secp256k1',
}

function generate(spec: string): KeyObject {
  if (spec === 'ED25519') return generateKeyPairSync('ed25519').privateKey
  const namedCurve = CURVES[spec]
  if (namedCurve !== undefined) return generateKeyPairSync('ec', { namedCurve }).privateKey
  return generateKeyPairSync('rsa', { modulusLength: Number(spec.slice(4)) }).privateKey
}

test('Ed25519ph hashes what it is given, be it a digest', (t) => {
  const { hsm, verbs, sign: signed } = device(t)
  const slot = hsm.load(hsm.create('ED25519', SIGNING).token)
  const digest = createHash('sha512').update(hello).digest()
  const signature = signed(slot, 9, DIGEST, digest)
  t.is(verbs.verify(slot, 9, DIGEST, digest, signature), 1)
  t.is(verbs.verify(slot, 9, RAW, digest, signature), 1)
  t.is(verbs.verify(slot, 9, RAW, hello, signature), 0)
  t.is(verbs.verify(slot, 8, RAW, digest, signature), 0)
  refuses(t, 'InvalidLength', () => signed(slot, 9, DIGEST, digest.subarray(1)))
})

for (const [spec, arc, length] of [
  ['ML_DSA_44', 17, 2420],
  ['ML_DSA_65', 18, 3309],
  ['ML_DSA_87', 19, 4627],
] as const) {
  test(`${spec}: a message and its μ have the same signatures`, async (t) => {
    const { hsm, verbs, sign: signed, make } = device(t)
    const { slot, publicKey } = await make(spec, SIGNING)
    t.is(publicKey.subarray(6, 17).toString('hex'), `06096086480165030403${arc.toString(16)}`)
    // FIPS 204, algorithms 2 and 7: μ is a hash of the public key's hash, two zeros (no prehash, no context), the message.
    const shake = (...parts: Uint8Array[]) =>
      createHash('shake256', { outputLength: 64 }).update(Buffer.concat(parts)).digest()
    const mu = shake(shake(publicKey.subarray(22)), Buffer.alloc(2), hello)
    for (const signature of [
      signed(slot, 10, RAW, hello),
      signed(slot, 10, MU, mu),
      await hsm.signAsync(slot, 10, RAW, hello),
      await hsm.signAsync(slot, 10, MU, mu),
    ]) {
      t.is(signature.length, length)
      t.is(verbs.verify(slot, 10, RAW, hello, signature), 1)
      t.is(verbs.verify(slot, 10, MU, mu, signature), 1)
      t.is(verbs.verify(slot, 10, RAW, mu, signature), 0)
      t.is(verbs.verify(slot, 10, RAW, hello, flip(signature)), 0)
    }
    t.notDeepEqual(signed(slot, 10, RAW, hello), signed(slot, 10, RAW, hello), 'hedged')
    refuses(t, 'InvalidLength', () => signed(slot, 10, MU, mu.subarray(1)))
    refuses(t, 'UnknownScheme', () => signed(slot, 10, DIGEST, mu))
  })
}

for (const [spec, arc, length] of [
  ['ML_KEM_512', 1, 768],
  ['ML_KEM_768', 2, 1088],
  ['ML_KEM_1024', 3, 1568],
] as const) {
  test(`${spec}: a secret arrives`, (t) => {
    const { hsm, verbs } = device(t)
    const { token, publicKey } = hsm.create(spec, USE.encapsulate | USE.decapsulate)
    t.is(publicKey!.subarray(6, 17).toString('hex'), `060960864801650304040${arc}`)
    const slot = hsm.load(token)
    const [made, arrived, ciphertext] = [Buffer.alloc(40), Buffer.alloc(40), Buffer.alloc(2000)]
    t.is(verbs.encapsulate(slot, made, 8, ciphertext, 3), length)
    const sent = ciphertext.subarray(3, 3 + length)
    t.is(verbs.decapsulate(slot, sent, arrived, 8), 32)
    t.deepEqual(made, arrived)
    verbs.decapsulate(slot, flip(sent), arrived, 8)
    t.notDeepEqual(made, arrived)
    refuses(t, 'InvalidLength', () => verbs.decapsulate(slot, sent.subarray(1), arrived, 0))
    refuses(t, 'BufferTooSmall', () => verbs.encapsulate(slot, made, 9, ciphertext, 0))
    refuses(t, 'BufferTooSmall', () => verbs.encapsulate(slot, made, 0, ciphertext, 2000 - length + 1))
    refuses(t, 'InvalidLength', () => verbs.encapsulate(slot, ciphertext, 0, ciphertext, 16))
  })
}

for (const spec of ['RSA_2048', 'RSA_3072', 'RSA_4096']) {
  test(`${spec}: OAEP, both ways, with node:crypto`, async (t) => {
    const { hsm, make } = device(t)
    const pair = await make(spec, USE.encrypt | USE.decrypt)
    const outside = hsm.load(hsm.import(spec, USE.encrypt, Buffer.from(der(other(spec)))))
    for (const [scheme, oaepHash] of [
      [1, 'sha1'],
      [2, 'sha256'],
    ] as const) {
      const padding = constants.RSA_PKCS1_OAEP_PADDING
      const theirs = publicEncrypt({ key: spki(pair.publicKey), padding, oaepHash }, hello)
      t.deepEqual(await hsm.decryptAsymmetric(pair.slot, scheme, theirs), hello)
      const ours = hsm.encryptAsymmetric(outside, scheme, hello)
      t.deepEqual(privateDecrypt({ key: other(spec), padding, oaepHash }, ours), hello)
      const most = pair.publicKey.length > 0 ? Number(spec.slice(4)) / 8 - 2 * (scheme === 1 ? 20 : 32) - 2 : 0
      t.is(hsm.encryptAsymmetric(pair.slot, scheme, Buffer.alloc(most)).length, Number(spec.slice(4)) / 8)
      refuses(t, 'InvalidLength', () => hsm.encryptAsymmetric(pair.slot, scheme, Buffer.alloc(most + 1)))
      for (const wrong of [flip(theirs), theirs.subarray(1), Buffer.alloc(0)]) {
        await t.throwsAsync(hsm.decryptAsymmetric(pair.slot, scheme, wrong), { code: 'DecryptionFailed' })
      }
      await t.throwsAsync(hsm.decryptAsymmetric(pair.slot, 3 - scheme, theirs), { code: 'DecryptionFailed' })
    }
    await t.throwsAsync(hsm.decryptAsymmetric(outside, 1, hello), { code: 'UsageNotPermitted' })
    await t.throwsAsync(hsm.decryptAsymmetric(pair.slot, 9, hello), { code: 'UnknownScheme' })
  })
}

for (const [spec, length] of [
  ['ECC_P256', 32],
  ['ECC_P384', 48],
  ['ECC_P521', 66],
] as const) {
  test(`${spec}: agrees with node:crypto`, (t) => {
    const { hsm, verbs } = device(t)
    const { token, publicKey } = hsm.create(spec, USE.agree)
    const slot = hsm.load(token)
    const out = Buffer.alloc(80)
    for (let round = 0; round < 20; round++) {
      const peer = generateKeyPairSync('ec', { namedCurve: CURVES[spec]! })
      t.is(verbs.agree(slot, der(peer.publicKey), out, 5), length)
      const theirs = diffieHellman({ privateKey: peer.privateKey, publicKey: spki(publicKey!) })
      t.deepEqual(out.subarray(5, 5 + length), theirs)
    }
    const foreign = generateKeyPairSync('ec', { namedCurve: spec === 'ECC_P256' ? 'secp384r1' : 'prime256v1' })
    for (const wrong of [der(foreign.publicKey), publicKey!.subarray(1), flip(publicKey!), Buffer.alloc(0)]) {
      refuses(t, 'InvalidPublicKey', () => verbs.agree(slot, wrong, out, 0))
    }
    refuses(t, 'BufferTooSmall', () => verbs.agree(slot, publicKey!, out, 80 - length + 1))
  })
}

for (const [spec, hash, length] of [
  ['HMAC_224', 'sha224', 28],
  ['HMAC_256', 'sha256', 32],
  ['HMAC_384', 'sha384', 48],
  ['HMAC_512', 'sha512', 64],
] as const) {
  test(`${spec}: MACs are node:crypto's`, (t) => {
    const { hsm, verbs } = device(t)
    const key = Buffer.alloc(length, spec)
    const slot = hsm.load(hsm.import(spec, USE.mac, Buffer.from(key)))
    const out = Buffer.alloc(70)
    for (const size of [0, 1, 63, 64, 65, 127, 128, 129, 4096]) {
      const message = Buffer.alloc(size, 'm')
      const theirs = createHmac(hash, key).update(message).digest()
      t.is(verbs.mac(slot, message, out, 3), length)
      t.deepEqual(out.subarray(3, 3 + length), theirs)
      t.is(verbs.macVerify(slot, message, theirs), 1)
      t.is(verbs.macVerify(slot, message, flip(theirs)), 0)
      t.is(verbs.macVerify(slot, message, theirs.subarray(1)), 0)
    }
    t.is(hsm.create(spec, USE.mac).publicKey, undefined)
    refuses(t, 'InvalidLength', () => hsm.import(spec, USE.mac, key.subarray(1)))
    refuses(t, 'UsageNotPermitted', () => hsm.publicKey(hsm.generate(spec, USE.mac)))
  })
}

test('SM2: signs, encrypts and agrees', async (t) => {
  const { hsm, verbs, sign: signed, make } = device(t)
  const usages = USE.encrypt | USE.decrypt | SIGNING | USE.agree
  const [one, two] = [await make('SM2', usages), await make('SM2', usages)]
  t.deepEqual(der(spki(one.publicKey)), one.publicKey)
  const signature = signed(one.slot, 11, RAW, hello)
  t.is(verbs.verify(one.slot, 11, RAW, hello, signature), 1)
  t.is(verbs.verify(two.slot, 11, RAW, hello, signature), 0)
  t.deepEqual(await hsm.decryptAsymmetric(one.slot, 3, hsm.encryptAsymmetric(one.slot, 3, hello)), hello)
  const [ours, theirs] = [Buffer.alloc(32), Buffer.alloc(32)]
  t.is(verbs.agree(one.slot, two.publicKey, ours, 0), 32)
  verbs.agree(two.slot, one.publicKey, theirs, 0)
  t.deepEqual(ours, theirs)
})

test('SM2: openssl verifies, encrypts and decrypts', async (t) => {
  const { hsm, verbs, sign: signed } = device(t)
  const usages = USE.encrypt | USE.decrypt | SIGNING
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-sm2-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const at = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => execFileSync('openssl', ['pkeyutl', '-keyform', 'DER', ...args])
  const pair = await hsm.dataKeyPair(hsm.load(hsm.generate(SPEC, ALL)), 'SM2', Buffer.alloc(0), 0, true)
  await writeFile(at('private'), pair.plaintext!)
  await writeFile(at('public'), pair.publicKey)
  await writeFile(at('message'), hello)
  const slot = hsm.load(hsm.import('SM2', usages, pair.plaintext!))

  const raw = ['-rawin', '-digest', 'sm3', '-in', at('message'), '-pkeyopt', 'distid:1234567812345678']
  await writeFile(at('ours'), signed(slot, 11, RAW, hello))
  const verdict = openssl('-verify', '-pubin', '-inkey', at('public'), '-sigfile', at('ours'), ...raw)
  t.regex(verdict.toString(), /Verified Successfully/)
  const theirs = openssl('-sign', '-inkey', at('private'), ...raw)
  t.is(verbs.verify(slot, 11, RAW, hello, theirs), 1)
  t.is(verbs.verify(slot, 11, RAW, hello, flip(theirs)), 0)

  const sealed = openssl('-encrypt', '-pubin', '-inkey', at('public'), '-in', at('message'))
  t.deepEqual(await hsm.decryptAsymmetric(slot, 3, sealed), hello)
  await t.throwsAsync(hsm.decryptAsymmetric(slot, 3, flip(sealed)), { code: 'DecryptionFailed' })
  await writeFile(at('sealed'), hsm.encryptAsymmetric(slot, 3, hello))
  t.deepEqual(openssl('-decrypt', '-inkey', at('private'), '-in', at('sealed')), hello)
})

test('data key pairs: PKCS#8 and SPKI that node:crypto reads, sealed under an AES key', async (t) => {
  const { hsm, verbs } = device(t)
  const slot = hsm.load(hsm.generate(SPEC, ALL))
  const aad = Buffer.from('header, context')
  const open = (blob: Buffer) => {
    aad.copy(verbs.scratch)
    const out = Buffer.alloc(blob.length)
    return out.subarray(0, verbs.decrypt(slot, blob, 7, 0, aad.length, out, 0))
  }
  for (const spec of Object.keys(SIGNERS)) {
    const pair = await hsm.dataKeyPair(slot, spec, aad, 7, true)
    t.deepEqual(pair.blob.subarray(0, 7), aad.subarray(0, 7))
    t.deepEqual(open(pair.blob), pair.plaintext!)
    t.deepEqual(der(createPublicKey(pkcs8(pair.plaintext!))), pair.publicKey, spec)
    // As OpenSSL writes it, to the byte.
    t.deepEqual(der(pkcs8(pair.plaintext!)), pair.plaintext!, spec)
  }
  const sealed = await hsm.dataKeyPair(slot, 'SM2', aad, 7, false)
  t.is(sealed.plaintext, undefined)
  t.deepEqual(der(createPublicKey(pkcs8(open(sealed.blob)))), sealed.publicKey)
  for (const spec of ['AES_256', 'HMAC_256']) {
    await t.throwsAsync(hsm.dataKeyPair(slot, spec, aad, 7, true), { code: 'UsageNotPermitted' })
  }
  await t.throwsAsync(hsm.dataKeyPair(slot, 'ED25519', aad, 16, true), { code: 'InvalidLength' })
})
