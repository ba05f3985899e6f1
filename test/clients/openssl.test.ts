/** The openssl command line: it reads our keys, verifies what we sign, and encrypts what we decrypt. */
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { SPECS } from '../../src/algorithms.ts'
import type {
  DataKeyPairSpec,
  EncryptionAlgorithmSpec,
  KeySpec,
  MessageType,
  SigningAlgorithmSpec,
} from '../../src/model/kms.ts'
import { keyring, type Held } from '../helpers/keyring.ts'

const { room, key } = await keyring()
const folder = mkdtempSync(join(tmpdir(), 'strongroom-openssl-'))
test.after.always(async () => {
  await room.close()
  rmSync(folder, { recursive: true })
})

const Message = Buffer.from('to whom it may concern')

let files = 0
/** A file of its own with these bytes. */
function file(bytes: Uint8Array): string {
  const path = join(folder, `${files++}`)
  writeFileSync(path, bytes)
  return path
}

function openssl(...args: string[]): Buffer {
  return execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
}

/** What openssl says to people, wherever it says it. */
function said(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' })
  return `${stdout}${stderr}(${status ?? 'killed'})`
}

/** The public key of a KMS key as a file, and the arguments that name it. */
const keyOf = ({ spki }: Held): string[] => ['-pubin', '-keyform', 'DER', '-inkey', file(spki)]

const KNOWN = (Object.keys(SPECS) as KeySpec[]).filter((spec) => /^(RSA|ECC|SM2)/.test(spec))

/** What openssl says of the key of each spec. */
const LOOKS: Record<string, RegExp> = {
  RSA_2048: /Public-Key: \(2048 bit\)[\s\S]*Exponent: 65537/,
  RSA_3072: /Public-Key: \(3072 bit\)[\s\S]*Exponent: 65537/,
  RSA_4096: /Public-Key: \(4096 bit\)[\s\S]*Exponent: 65537/,
  ECC_NIST_P256: /ASN1 OID: prime256v1/,
  ECC_NIST_P384: /ASN1 OID: secp384r1/,
  ECC_NIST_P521: /ASN1 OID: secp521r1/,
  ECC_SECG_P256K1: /ASN1 OID: secp256k1/,
  ECC_NIST_EDWARDS25519: /ED25519 Public-Key/,
  SM2: /ASN1 OID: SM2/,
}

for (const spec of KNOWN) {
  test(`openssl reads the public key of ${spec}`, async (t) => {
    const held = await key(spec, 'SIGN_VERIFY')
    const text = openssl('pkey', '-pubin', '-inform', 'DER', '-in', file(held.spki), '-noout', '-text').toString()
    t.regex(text, LOOKS[spec]!)
  })
}

/** The options by which pkeyutl verifies a digest of each algorithm. */
function options(algorithm: SigningAlgorithmSpec): string[] {
  const digest = `digest:sha${/\d+$/.exec(algorithm)?.[0] ?? ''}`
  if (algorithm.startsWith('RSASSA_PSS')) {
    const salt = `rsa_pss_saltlen:${Number(algorithm.slice(-3)) / 8}`
    return ['-pkeyopt', 'rsa_padding_mode:pss', '-pkeyopt', digest, '-pkeyopt', salt]
  }
  return ['-pkeyopt', digest]
}

const SIGNED = KNOWN.flatMap((spec) =>
  SPECS[spec].algorithms
    .SIGN_VERIFY!.filter((algorithm) => /^(RSASSA|ECDSA)/.test(algorithm))
    .map((algorithm) => [spec, algorithm] as const),
)

for (const [spec, SigningAlgorithm] of SIGNED) {
  test(`openssl verifies what ${spec} signs by ${SigningAlgorithm}, digest for digest`, async (t) => {
    const held = await key(spec, 'SIGN_VERIFY')
    const digest = createHash(`sha${SigningAlgorithm.slice(-3)}`)
      .update(Message)
      .digest()
    const forms: [MessageType, Uint8Array][] = [
      ['RAW', Message],
      ['DIGEST', digest],
    ]
    for (const [MessageType, Message] of forms) {
      const { Signature } = await room.sign({ KeyId: held.id, SigningAlgorithm, MessageType, Message })
      const signature = ['-sigfile', file(Signature!), '-in', file(digest)]
      const verdict = said('pkeyutl', '-verify', ...keyOf(held), ...signature, ...options(SigningAlgorithm))
      t.regex(verdict, /Verified Successfully[\s\S]*\(0\)$/)
    }
  })
}

test('openssl verifies what Ed25519 signs', async (t) => {
  const held = await key('ECC_NIST_EDWARDS25519', 'SIGN_VERIFY')
  const { Signature } = await room.sign({ KeyId: held.id, SigningAlgorithm: 'ED25519_SHA_512', Message })
  const signature = ['-sigfile', file(Signature!), '-in', file(Message)]
  const verdict = said('pkeyutl', '-verify', '-rawin', ...keyOf(held), ...signature)
  t.regex(verdict, /Verified Successfully[\s\S]*\(0\)$/)
})

test('openssl verifies what SM2 signs, under the usual user id', async (t) => {
  const held = await key('SM2', 'SIGN_VERIFY')
  const { Signature } = await held.room.sign({ KeyId: held.id, SigningAlgorithm: 'SM2DSA', Message })
  const signature = ['-sigfile', file(Signature!), '-in', file(Message)]
  const identity = ['-digest', 'sm3', '-pkeyopt', 'distid:1234567812345678']
  const verdict = said('pkeyutl', '-verify', '-rawin', ...keyOf(held), ...signature, ...identity)
  t.regex(verdict, /Verified Successfully[\s\S]*\(0\)$/)
})

const OAEP: readonly [EncryptionAlgorithmSpec, hash: string][] = [
  ['RSAES_OAEP_SHA_1', 'sha1'],
  ['RSAES_OAEP_SHA_256', 'sha256'],
]

for (const spec of ['RSA_2048', 'RSA_3072', 'RSA_4096'] as const) {
  for (const [EncryptionAlgorithm, hash] of OAEP) {
    test(`${spec} decrypts by ${EncryptionAlgorithm} what openssl encrypted`, async (t) => {
      const held = await key(spec, 'ENCRYPT_DECRYPT')
      const padding = ['rsa_padding_mode:oaep', `rsa_oaep_md:${hash}`, `rsa_mgf1_md:${hash}`]
      const args = [...keyOf(held), '-in', file(Message), ...padding.flatMap((option) => ['-pkeyopt', option])]
      const CiphertextBlob = openssl('pkeyutl', '-encrypt', ...args)
      const { Plaintext } = await room.decrypt({ KeyId: held.id, EncryptionAlgorithm, CiphertextBlob })
      t.deepEqual(Buffer.from(Plaintext!), Message)
    })
  }
}

test('SM2 decrypts what openssl encrypted', async (t) => {
  const held = await key('SM2', 'ENCRYPT_DECRYPT')
  const CiphertextBlob = openssl('pkeyutl', '-encrypt', ...keyOf(held), '-in', file(Message))
  const opened = await held.room.decrypt({ KeyId: held.id, EncryptionAlgorithm: 'SM2PKE', CiphertextBlob })
  t.deepEqual(Buffer.from(opened.Plaintext!), Message)
})

for (const [spec, curve] of [
  ['ECC_NIST_P256', 'P-256'],
  ['ECC_NIST_P384', 'P-384'],
  ['ECC_NIST_P521', 'P-521'],
] as const) {
  test(`${spec} and openssl derive one secret`, async (t) => {
    const held = await key(spec, 'KEY_AGREEMENT')
    const mine = openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', `group:${curve}`)
    const privateKey = file(mine)
    const PublicKey = openssl('pkey', '-in', privateKey, '-pubout', '-outform', 'DER')
    const { SharedSecret } = await room.deriveSharedSecret({
      KeyId: held.id,
      KeyAgreementAlgorithm: 'ECDH',
      PublicKey,
    })
    const peer = ['-peerkey', file(held.spki), '-peerform', 'DER']
    t.deepEqual(openssl('pkeyutl', '-derive', '-inkey', privateKey, ...peer), Buffer.from(SharedSecret!))
  })
}

for (const KeyPairSpec of KNOWN as DataKeyPairSpec[]) {
  test(`openssl finds the private key of a pair of ${KeyPairSpec} sound, and its public key the same`, async (t) => {
    const { room } = await key(KeyPairSpec, 'SIGN_VERIFY')
    const { KeyMetadata } = await room.createKey()
    const made = await room.generateDataKeyPair({ KeyId: KeyMetadata!.KeyId, KeyPairSpec })
    const path = file(made.PrivateKeyPlaintext!)
    t.regex(said('pkey', '-inform', 'DER', '-in', path, '-check', '-noout'), /Key is valid[\s\S]*\(0\)$/)
    const derived = openssl('pkey', '-inform', 'DER', '-in', path, '-pubout', '-outform', 'DER')
    t.deepEqual(derived, Buffer.from(made.PublicKey!))
  })
}
