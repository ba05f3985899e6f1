/** DeriveSharedSecret, ours against node:crypto's Diffie-Hellman. */
import { createECDH, createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto'
import test from 'ava'
import type { KeySpec } from '../../src/model/kms.ts'
import { keyring } from '../helpers/keyring.ts'
import { bytes, refuses, scene } from '../helpers/scene.ts'

const { room, key } = await keyring()
test.after.always(() => room.close())

const KeyAgreementAlgorithm = 'ECDH'
const CURVES: readonly [KeySpec, curve: string, length: number][] = [
  ['ECC_NIST_P256', 'P-256', 32],
  ['ECC_NIST_P384', 'P-384', 48],
  ['ECC_NIST_P521', 'P-521', 66],
]

const spki = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' })

for (const [spec, namedCurve, length] of CURVES) {
  test(`${spec} derives what the peer derives in node:crypto, its leading zeros with it`, async (t) => {
    const { id: KeyId, arn, publicKey } = await key(spec, 'KEY_AGREEMENT')
    // Enough peers for a secret that begins with a zero: one in 256, on P-521 one in two.
    let zeros = 0
    for (let i = 0; i < 2000 && (i < 40 || zeros === 0); i++) {
      const peer = generateKeyPairSync('ec', { namedCurve })
      const PublicKey = spki(peer.publicKey)
      const { SharedSecret, ...rest } = await room.deriveSharedSecret({ KeyId, KeyAgreementAlgorithm, PublicKey })
      t.deepEqual(rest, { KeyId: arn, KeyAgreementAlgorithm, KeyOrigin: 'AWS_KMS' })
      const expected = diffieHellman({ privateKey: peer.privateKey, publicKey: publicKey() })
      if (Buffer.compare(SharedSecret!, expected) !== 0) t.fail(`differs: ${i}`)
      if (SharedSecret!.length !== length) t.fail(`${SharedSecret!.length} bytes`)
      if (SharedSecret![0] === 0) zeros++
    }
    t.true(zeros > 0)
  })
}

test('two keys of SM2 have one secret, and each curve its own', async (t) => {
  const one = await key('SM2', 'KEY_AGREEMENT')
  const { room: china } = one
  const { KeyMetadata } = await china.createKey({ KeySpec: 'SM2', KeyUsage: 'KEY_AGREEMENT' })
  const two = KeyMetadata!.KeyId
  const { PublicKey } = await china.getPublicKey({ KeyId: two })
  const here = await china.deriveSharedSecret({ KeyId: one.id, KeyAgreementAlgorithm, PublicKey: PublicKey! })
  const there = await china.deriveSharedSecret({ KeyId: two, KeyAgreementAlgorithm, PublicKey: one.spki })
  t.is(here.SharedSecret!.length, 32)
  t.deepEqual(here.SharedSecret, there.SharedSecret)
})

test('a public key that is none, or of another curve, or off its curve, is refused without a word', async (t) => {
  const { id: KeyId } = await key('ECC_NIST_P256', 'KEY_AGREEMENT')
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const good = spki(publicKey)
  const off = Buffer.from(good)
  off[off.length - 1]! ^= 1
  const infinity = Buffer.concat([good.subarray(0, good.length - 66), Buffer.of(0, 0)])
  const raw = createECDH('prime256v1').generateKeys()
  const bad: Record<string, Uint8Array> = {
    nonsense: bytes('nonsense'),
    'the other curve': spki(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey),
    'a Koblitz curve': spki(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey),
    'an RSA key': spki(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey),
    'a Montgomery curve': spki(generateKeyPairSync('x25519').publicKey),
    'a point off the curve': off,
    'the point at infinity': infinity,
    'a point without a name': raw,
    'a byte too few': good.subarray(0, -1),
    'a byte too many': Buffer.concat([good, Buffer.of(0)]),
    PEM: Buffer.from(publicKey.export({ format: 'pem', type: 'spki' })),
  }
  for (const [what, PublicKey] of Object.entries(bad)) {
    const derived = room.deriveSharedSecret({ KeyId, KeyAgreementAlgorithm, PublicKey })
    await t.notThrowsAsync(refuses(t, derived, 'ValidationException', ''), what)
  }
  t.truthy(createPublicKey({ key: good, format: 'der', type: 'spki' }))
})

test('only a key for agreement agrees, with the algorithm it has', async (t) => {
  const { id: KeyId, arn, spki: PublicKey } = await key('ECC_NIST_P256', 'SIGN_VERIFY')
  const about = { KeyAgreementAlgorithm, PublicKey } as const
  const message = `${arn} key usage is SIGN_VERIFY which is not valid for DeriveSharedSecret.`
  await refuses(t, room.deriveSharedSecret({ ...about, KeyId }), 'InvalidKeyUsageException', message)
  const { id } = await key('ECC_NIST_P256', 'KEY_AGREEMENT')
  await refuses(t, room.deriveSharedSecret({ ...about, KeyId: id, DryRun: true }), 'DryRunOperationException')
  const unknown = room.deriveSharedSecret({ ...about, KeyId: id, KeyAgreementAlgorithm: 'DH' as never })
  await refuses(t, unknown, 'ValidationException', /enum value set: \[ECDH\]/)
})

test('a disabled key agrees to nothing', async (t) => {
  const { room } = await scene(t)
  const { KeyMetadata } = await room.createKey({ KeySpec: 'ECC_NIST_P384', KeyUsage: 'KEY_AGREEMENT' })
  const KeyId = KeyMetadata!.KeyId
  const { PublicKey } = await room.getPublicKey({ KeyId })
  await room.disableKey({ KeyId })
  const derived = room.deriveSharedSecret({ KeyId, KeyAgreementAlgorithm, PublicKey: PublicKey! })
  await refuses(t, derived, 'DisabledException')
})
