/** Sign, Verify, MACs, agreement, encapsulation, RSA: what does the facade add to the bare verb of the core, and what does node:crypto take? */
import {
  constants,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto'
import { Hsm } from '../bindings/node/index.js'
import { SPECS, USES } from '../src/algorithms.ts'
import { Strongroom } from '../src/index.ts'
import type { KeySpec, KeyUsageType, SigningAlgorithmSpec } from '../src/model/kms.ts'
import { asyncRung, keep, ladder, rung, type Figure, type Rung } from './ladder.ts'

const room = await Strongroom.open({ memory: true, deviceRate: 1e9 })
const hsm = Hsm.create(randomBytes(32))
const verbs = hsm.verbs()
const Message = randomBytes(256)
const suites: Record<string, Figure[]> = {}

async function suite(title: string, ...rungs: (Rung | undefined)[]): Promise<void> {
  suites[title] = await ladder(
    title,
    rungs.filter((rung) => rung !== undefined),
  )
}

/** A key in the room, and one of the same kind in a bare HSM. */
async function keys(KeySpec: KeySpec, KeyUsage: KeyUsageType): Promise<{ KeyId: string; slot: number; spki: Buffer }> {
  const { KeyMetadata } = await room.createKey({ KeySpec, KeyUsage })
  const { token, publicKey } = hsm.create(SPECS[KeySpec].hsm, USES[KeyUsage])
  return { KeyId: KeyMetadata!.Arn!, slot: hsm.load(token), spki: publicKey ?? Buffer.alloc(0) }
}

/** Key pairs of node:crypto's, to measure it with; it has no ML-DSA. */
const NODE: Partial<Record<KeySpec, () => { publicKey: KeyObject; privateKey: KeyObject }>> = {
  RSA_2048: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ECC_NIST_P256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ECC_NIST_EDWARDS25519: () => generateKeyPairSync('ed25519'),
}

const SIGNED: readonly [KeySpec, SigningAlgorithmSpec, scheme: number, lap: number][] = [
  ['RSA_2048', 'RSASSA_PSS_SHA_256', 4, 20],
  ['ECC_NIST_P256', 'ECDSA_SHA_256', 7, 200],
  ['ECC_NIST_EDWARDS25519', 'ED25519_SHA_512', 8, 200],
  ['ML_DSA_44', 'ML_DSA_SHAKE_256', 10, 50],
  ['ML_DSA_65', 'ML_DSA_SHAKE_256', 10, 50],
]

for (const [spec, SigningAlgorithm, scheme, lap] of SIGNED) {
  const { KeyId, slot } = await keys(spec, 'SIGN_VERIFY')
  const out = Buffer.alloc(5000)
  const aside = /^(RSA|ML_DSA)/.test(spec)
  const pair = NODE[spec]?.()
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
  const options = spec.startsWith('RSA') ? padding : {}
  const digest = spec.startsWith('ECC_NIST_ED') ? null : 'sha256'
  await suite(
    `Sign ${spec}`,
    rung('core', () => verbs.sign(slot, scheme, 0, Message, out, 0), lap),
    aside ? asyncRung('core, aside', () => hsm.signAsync(slot, scheme, 0, Message), lap) : undefined,
    asyncRung('facade', () => room.sign({ KeyId, SigningAlgorithm, Message }), lap),
    aside ? together('facade, 8 at a time', () => room.sign({ KeyId, SigningAlgorithm, Message }), lap) : undefined,
    pair && rung('node:crypto', () => sign(digest, Message, { key: pair.privateKey, ...options }), lap),
  )

  const signature = out.subarray(0, verbs.sign(slot, scheme, 0, Message, out, 0))
  const { Signature } = await room.sign({ KeyId, SigningAlgorithm, Message })
  const about = { KeyId, SigningAlgorithm, Message, Signature: Signature! }
  const theirs = pair && sign(digest, Message, { key: pair.privateKey, ...options })
  await suite(
    `Verify ${spec}`,
    rung('core', () => verbs.verify(slot, scheme, 0, Message, signature), 200),
    asyncRung('facade', () => room.verify(about), 200),
    pair && rung('node:crypto', () => verify(digest, Message, { key: pair.publicKey, ...options }, theirs!), 200),
  )
}

for (const size of [32, 4096]) {
  const Message = randomBytes(size)
  const { KeyId, slot } = await keys('HMAC_256', 'GENERATE_VERIFY_MAC')
  const out = Buffer.alloc(32)
  const secret = randomBytes(32)
  const MacAlgorithm = 'HMAC_SHA_256'
  await suite(
    `GenerateMac HMAC_256 ${size} B`,
    rung('core', () => verbs.mac(slot, Message, out, 0)),
    asyncRung('facade', () => room.generateMac({ KeyId, MacAlgorithm, Message })),
    rung('node:crypto', () => createHmac('sha256', secret).update(Message).digest()),
  )
  verbs.mac(slot, Message, out, 0)
  const { Mac } = await room.generateMac({ KeyId, MacAlgorithm, Message })
  await suite(
    `VerifyMac HMAC_256 ${size} B`,
    rung('core', () => verbs.macVerify(slot, Message, out)),
    asyncRung('facade', () => room.verifyMac({ KeyId, MacAlgorithm, Message, Mac: Mac! })),
  )
}

{
  const { KeyId, slot } = await keys('ECC_NIST_P256', 'KEY_AGREEMENT')
  const mine = NODE.ECC_NIST_P256!()
  const PublicKey = mine.publicKey.export({ format: 'der', type: 'spki' })
  const { PublicKey: theirs } = await room.getPublicKey({ KeyId })
  const publicKey = createPublicKey({ key: Buffer.from(theirs!), format: 'der', type: 'spki' })
  const out = Buffer.alloc(66)
  await suite(
    'DeriveSharedSecret ECC_NIST_P256',
    rung('core', () => verbs.agree(slot, PublicKey, out, 0), 100),
    asyncRung('facade', () => room.deriveSharedSecret({ KeyId, KeyAgreementAlgorithm: 'ECDH', PublicKey }), 100),
    rung('node:crypto', () => diffieHellman({ privateKey: mine.privateKey, publicKey }), 100),
  )
}

{
  const { KeyId, slot } = await keys('ML_KEM_768', 'ENCAPSULATE_DECAPSULATE')
  const [secret, ciphertext] = [Buffer.alloc(32), Buffer.alloc(1088)]
  const EncapsulationAlgorithm = 'ML_KEM'
  await suite(
    'Encapsulate ML_KEM_768',
    rung('core', () => verbs.encapsulate(slot, secret, 0, ciphertext, 0), 200),
    asyncRung('facade', () => room.encapsulate({ KeyId, EncapsulationAlgorithm }), 200),
  )
  const { SharedSecretCiphertextBlob: blob } = await room.encapsulate({ KeyId, EncapsulationAlgorithm })
  const about = { KeyId, EncapsulationAlgorithm, SharedSecretCiphertextBlob: blob! } as const
  await suite(
    'Decapsulate ML_KEM_768',
    rung('core', () => verbs.decapsulate(slot, ciphertext, secret, 0), 200),
    asyncRung('facade', () => room.decapsulate(about), 200),
  )
}

{
  const { KeyId, slot } = await keys('RSA_2048', 'ENCRYPT_DECRYPT')
  const pair = NODE.RSA_2048!()
  const Plaintext = randomBytes(32)
  const options = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
  const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256'
  await suite(
    'Encrypt RSA_2048',
    rung('core', () => hsm.encryptAsymmetric(slot, 2, Plaintext), 100),
    asyncRung('facade', () => room.encrypt({ KeyId, EncryptionAlgorithm, Plaintext }), 100),
    rung('node:crypto', () => publicEncrypt({ key: pair.publicKey, ...options }, Plaintext), 100),
  )
  const ours = hsm.encryptAsymmetric(slot, 2, Plaintext)
  const theirs = publicEncrypt({ key: pair.publicKey, ...options }, Plaintext)
  const { CiphertextBlob } = await room.encrypt({ KeyId, EncryptionAlgorithm, Plaintext })
  await suite(
    'Decrypt RSA_2048',
    asyncRung('core, aside', () => hsm.decryptAsymmetric(slot, 2, ours), 20),
    asyncRung('facade', () => room.decrypt({ KeyId, EncryptionAlgorithm, CiphertextBlob }), 20),
    rung('node:crypto', () => privateDecrypt({ key: pair.privateKey, ...options }, theirs), 20),
  )
}

keep('verbs', suites)
await room.close()
hsm.close()

/** A lap of `count` calls, eight of them under way at any time. */
function together(name: string, run: () => Promise<unknown>, count: number): Rung {
  return {
    name,
    lap: count,
    async run() {
      let left = count
      const one = async () => {
        while (left-- > 0) await run()
      }
      await Promise.all(Array.from({ length: 8 }, one))
    },
  }
}
