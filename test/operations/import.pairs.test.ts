/** Imported private keys and MAC keys: every spec that takes them, and what no spec takes. */
import test from 'ava'
import { execFileSync } from 'node:child_process'
import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto'
import {
  Strongroom,
  type AlgorithmSpec,
  type KeySpec,
  type KeyUsageType,
  type WrappingKeySpec,
} from '../../src/index.ts'
import { bytes, refuses } from '../helpers/scene.ts'
import { node, openssl, sm2 } from '../helpers/wrapping.ts'

const room = await Strongroom.open({ memory: true })
test.after.always(() => room.close())

const FOREVER = { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' } as const
const Message = bytes('signed by what came from outside')

async function vacant(KeySpec: KeySpec, KeyUsage: KeyUsageType): Promise<string> {
  return (await room.createKey({ Origin: 'EXTERNAL', KeySpec, KeyUsage })).KeyMetadata!.KeyId
}

async function bring(
  KeyId: string,
  material: Uint8Array,
  WrappingAlgorithm: AlgorithmSpec = 'RSA_AES_KEY_WRAP_SHA_256',
  WrappingKeySpec: WrappingKeySpec = 'RSA_2048',
  tool = node,
) {
  const { ImportToken, PublicKey } = await room.getParametersForImport({ KeyId, WrappingAlgorithm, WrappingKeySpec })
  const wrap = WrappingAlgorithm.startsWith('RSA_AES') ? tool.keyWrap : tool.oaep
  const EncryptedKeyMaterial = wrap(PublicKey!, material, WrappingAlgorithm.endsWith('SHA_1') ? 'sha1' : 'sha256')
  return room.importKeyMaterial({ KeyId, ImportToken: ImportToken!, EncryptedKeyMaterial, ...FOREVER })
}

const pkcs8 = (key: KeyObject): Buffer => key.export({ type: 'pkcs8', format: 'der' })
const spki = (key: KeyObject): Buffer => createPublicKey(key).export({ type: 'spki', format: 'der' })
const rsa = (modulusLength: number): KeyObject => generateKeyPairSync('rsa', { modulusLength }).privateKey
const curve = (namedCurve: string): KeyObject => generateKeyPairSync('ec', { namedCurve }).privateKey
const edwards = (): KeyObject => generateKeyPairSync('ed25519').privateKey

const SIGNING = {
  RSA_2048: [() => rsa(2048), 'RSASSA_PSS_SHA_256'],
  RSA_3072: [() => rsa(3072), 'RSASSA_PKCS1_V1_5_SHA_512'],
  RSA_4096: [() => rsa(4096), 'RSASSA_PSS_SHA_384'],
  ECC_NIST_P256: [() => curve('P-256'), 'ECDSA_SHA_256'],
  ECC_NIST_P384: [() => curve('P-384'), 'ECDSA_SHA_384'],
  ECC_NIST_P521: [() => curve('P-521'), 'ECDSA_SHA_512'],
  ECC_SECG_P256K1: [() => curve('secp256k1'), 'ECDSA_SHA_256'],
  ECC_NIST_EDWARDS25519: [edwards, 'ED25519_SHA_512'],
} as const

for (const [spec, [make, SigningAlgorithm]] of Object.entries(SIGNING)) {
  const KeySpec = spec as keyof typeof SIGNING
  test(`${KeySpec}: an imported private key signs for its public one`, async (t) => {
    const KeyId = await vacant(KeySpec, 'SIGN_VERIFY')
    await refuses(t, room.getPublicKey({ KeyId }), 'KMSInvalidStateException', /is pending import\.$/)
    const key = make()
    const answer = await bring(KeyId, pkcs8(key))
    t.deepEqual(answer, { KeyId: answer.KeyId, KeyMaterialId: undefined })
    const { KeyMetadata } = await room.describeKey({ KeyId })
    t.like(KeyMetadata, { KeyState: 'Enabled', Origin: 'EXTERNAL', CurrentKeyMaterialId: undefined })
    t.deepEqual(Buffer.from((await room.getPublicKey({ KeyId })).PublicKey!), spki(key))
    const { Signature } = await room.sign({ KeyId, Message, SigningAlgorithm })
    t.true((await room.verify({ KeyId, Message, SigningAlgorithm, Signature: Signature! })).SignatureValid)
    // It is this one for life.
    await refuses(t, bring(KeyId, pkcs8(make())), 'IncorrectKeyMaterialException')
    await room.deleteImportedKeyMaterial({ KeyId })
    await refuses(
      t,
      room.sign({ KeyId, Message, SigningAlgorithm }),
      'KMSInvalidStateException',
      /is pending import\.$/,
    )
    t.deepEqual(Buffer.from((await room.getPublicKey({ KeyId })).PublicKey!), spki(key), 'the public key stays')
    await bring(KeyId, pkcs8(key))
    t.true((await room.verify({ KeyId, Message, SigningAlgorithm, Signature: Signature! })).SignatureValid)
  })
}

test('openssl wraps an RSA key as AWS’s guide has it, under each nested algorithm', async (t) => {
  for (const [algorithm, spec] of [
    ['RSA_AES_KEY_WRAP_SHA_1', 'RSA_3072'],
    ['RSA_AES_KEY_WRAP_SHA_256', 'RSA_2048'],
  ] as const) {
    const KeyId = await vacant('RSA_2048', 'ENCRYPT_DECRYPT')
    const material = converted('RSA', 'rsa_keygen_bits:2048')
    await bring(KeyId, material, algorithm, spec, openssl)
    const key = createPrivateKey({ key: material, format: 'der', type: 'pkcs8' })
    t.deepEqual(Buffer.from((await room.getPublicKey({ KeyId })).PublicKey!), spki(key))
  }
})

test('a curve’s key goes under OAEP alone, where it fits', async (t) => {
  const KeyId = await vacant('ECC_NIST_P521', 'KEY_AGREEMENT')
  const key = pkcs8(curve('P-521'))
  const request = { KeyId, WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' } as const
  await refuses(t, room.getParametersForImport(request), 'UnsupportedOperationException')
  await t.notThrowsAsync(bring(KeyId, key, 'RSAES_OAEP_SHA_256', 'RSA_3072'))
  for (const WrappingAlgorithm of ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'] as const) {
    await t.notThrowsAsync(
      bring(await vacant('ECC_NIST_P256', 'SIGN_VERIFY'), pkcs8(curve('P-256')), WrappingAlgorithm),
    )
    const RsaId = await vacant('RSA_2048', 'SIGN_VERIFY')
    const forRsa = { KeyId: RsaId, WrappingAlgorithm, WrappingKeySpec: 'RSA_4096' } as const
    await refuses(t, room.getParametersForImport(forRsa), 'UnsupportedOperationException')
  }
})

const LENGTHS = { HMAC_224: 28, HMAC_256: 32, HMAC_384: 48, HMAC_512: 64 } as const
for (const [spec, length] of Object.entries(LENGTHS)) {
  test(`${spec}: an imported key of ${length} bytes computes the MAC the world computes, and no other length is one`, async (t) => {
    const KeyId = await vacant(spec as keyof typeof LENGTHS, 'GENERATE_VERIFY_MAC')
    for (const wrong of [16, length - 1, length + 1, 128]) {
      await refuses(t, bring(KeyId, randomBytes(wrong), 'RSAES_OAEP_SHA_256'), 'InvalidCiphertextException', '')
    }
    const material = randomBytes(length)
    await bring(KeyId, material, 'RSAES_OAEP_SHA_1')
    const MacAlgorithm = spec.replace('_', '_SHA_') as 'HMAC_SHA_256'
    const { Mac } = await room.generateMac({ KeyId, Message, MacAlgorithm })
    t.deepEqual(
      Buffer.from(Mac!),
      createHmac(`sha${spec.slice(5)}`, material)
        .update(Message)
        .digest(),
    )
    await refuses(t, bring(KeyId, randomBytes(length), 'RSAES_OAEP_SHA_256'), 'IncorrectKeyMaterialException')
  })
}

test('a private key of another spec is told apart from what is no key at all', async (t) => {
  const own = { p256: await vacant('ECC_NIST_P256', 'SIGN_VERIFY'), rsa: await vacant('RSA_2048', 'SIGN_VERIFY') }
  const strangers = [curve('P-384'), curve('secp256k1'), edwards(), rsa(3072)].map(pkcs8)
  for (const KeyId of Object.values(own)) {
    for (const stranger of strangers) await refuses(t, bring(KeyId, stranger), 'ValidationException', /key spec/)
  }
  const good = { p256: pkcs8(curve('P-256')), rsa: pkcs8(rsa(2048)) }
  const [mine, other] = [curve('P-256'), curve('P-256')].map(pkcs8)
  // The public key stands at the end of a PKCS#8 of an elliptic curve.
  const mixed = Buffer.concat([mine!.subarray(0, -64), other!.subarray(-64)])
  const twisted = Buffer.from(good.rsa)
  // Somewhere in the private exponent.
  twisted[twisted.length >> 1]! ^= 1
  const broken: readonly (readonly [string, Uint8Array])[] = [
    [own.p256, mixed],
    [own.p256, good.p256.subarray(0, -1)],
    [own.p256, Buffer.concat([good.p256, Buffer.of(0)])],
    [own.p256, curve('P-256').export({ type: 'sec1', format: 'der' })],
    [own.p256, randomBytes(32)],
    [own.p256, spki(curve('P-256'))],
    [own.rsa, twisted],
    [own.rsa, Buffer.concat([good.rsa, Buffer.of(0)])],
    [own.rsa, rsa(2048).export({ type: 'pkcs1', format: 'der' })],
    // Three primes, as RFC 8017 allows and AWS does not.
    [own.rsa, converted('RSA', 'rsa_keygen_bits:2048', 'rsa_keygen_primes:3')],
    [own.rsa, randomBytes(1200)],
  ]
  for (const [i, [KeyId, material]] of broken.entries()) {
    const error = await t.throwsAsync(bring(KeyId, material), undefined, `case ${i}`)
    t.is((error as unknown as { code: string }).code, 'InvalidCiphertextException', `case ${i}`)
  }
  await t.notThrowsAsync(bring(own.p256, good.p256))
  await t.notThrowsAsync(bring(own.rsa, good.rsa))
})

test('the same private key in another encoding is the same', async (t) => {
  const KeyId = await vacant('ECC_NIST_P256', 'SIGN_VERIFY')
  const key = curve('P-256')
  await bring(KeyId, pkcs8(key))
  // Without the public key, which RFC 5915 leaves optional.
  const scalar = Buffer.from(key.export({ format: 'jwk' }).d!, 'base64url')
  const front = Buffer.from('3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420', 'hex')
  await t.notThrowsAsync(bring(KeyId, Buffer.concat([front, scalar])))
})

test('asymmetric and MAC keys have one material for life, and nothing to choose', async (t) => {
  const KeyId = await vacant('HMAC_256', 'GENERATE_VERIFY_MAC')
  const { ImportToken, PublicKey } = await room.getParametersForImport({
    KeyId,
    WrappingAlgorithm: 'RSAES_OAEP_SHA_256',
    WrappingKeySpec: 'RSA_2048',
  })
  const EncryptedKeyMaterial = node.oaep(PublicKey!, randomBytes(32), 'sha256')
  for (const choice of [
    { ImportType: 'NEW_KEY_MATERIAL' },
    { ImportType: 'EXISTING_KEY_MATERIAL' },
    { KeyMaterialId: 'ab'.repeat(32) },
    { KeyMaterialDescription: 'the first' },
  ] as const) {
    const request = { KeyId, ImportToken: ImportToken!, EncryptedKeyMaterial, ...FOREVER, ...choice }
    await refuses(t, room.importKeyMaterial(request), 'ValidationException', /is not supported for key spec HMAC_256/)
  }
})

test('SM2 keys come in under RSA and under SM2, in China alone', async (t) => {
  const china = room.as({ region: 'cn-north-1' })
  const request = { Origin: 'EXTERNAL', KeySpec: 'SM2', KeyUsage: 'SIGN_VERIFY' } as const
  await refuses(t, room.createKey(request), 'UnsupportedOperationException')
  const material = converted('EC', 'ec_paramgen_curve:sm2')
  const publicKey = execFileSync('openssl', 'pkey -inform DER -pubout -outform DER'.split(' '), {
    input: material,
    stdio: 'pipe',
  })
  const ways = [
    { WrappingAlgorithm: 'SM2PKE', WrappingKeySpec: 'SM2', wrap: sm2 },
    { WrappingAlgorithm: 'RSA_AES_KEY_WRAP_SHA_256', WrappingKeySpec: 'RSA_2048', wrap: nested },
  ] as const
  for (const { wrap, ...way } of ways) {
    const { KeyId } = (await china.createKey(request)).KeyMetadata!
    const { ImportToken, PublicKey } = await china.getParametersForImport({ KeyId, ...way })
    const parcel = { KeyId, ImportToken: ImportToken!, ...FOREVER }
    const EncryptedKeyMaterial = wrap(PublicKey!, material)
    const strange = { ...parcel, EncryptedKeyMaterial: Uint8Array.from(EncryptedKeyMaterial) }
    strange.EncryptedKeyMaterial[EncryptedKeyMaterial.length - 1]! ^= 1
    await refuses(t, china.importKeyMaterial(strange), 'InvalidCiphertextException', '')
    const foreign = { ...parcel, EncryptedKeyMaterial: wrap(PublicKey!, pkcs8(curve('P-256'))) }
    await refuses(t, china.importKeyMaterial(foreign), 'ValidationException')
    await china.importKeyMaterial({ ...parcel, EncryptedKeyMaterial })
    t.deepEqual(Buffer.from((await china.getPublicKey({ KeyId })).PublicKey!), publicKey)
  }
})

function nested(publicKey: Uint8Array, material: Uint8Array): Uint8Array {
  return openssl.keyWrap(publicKey, material, 'sha256')
}

/** A private key in PKCS#8, made and converted by openssl as AWS's guide does it. */
function converted(algorithm: string, ...options: readonly string[]): Buffer {
  const made = ['genpkey', '-algorithm', algorithm, ...options.flatMap((option) => ['-pkeyopt', option])]
  const input = execFileSync('openssl', made, { stdio: 'pipe' })
  return execFileSync('openssl', ['pkcs8', '-topk8', '-nocrypt', '-outform', 'DER'], { input, stdio: 'pipe' })
}
