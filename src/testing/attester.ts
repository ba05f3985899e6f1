/**
 * Attestation documents for tests, as AWS Nitro makes them, but for the root they lead to, which is the attester's own. So
 * programs that run in enclaves can be tried outside of one.
 *
 *     const attester = createAttester()
 *     const room = await Strongroom.open({ attestationRoots: [attester.root] })
 *     const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
 *     const AttestationDocument = attester.attestationFor({ publicKey, now: new Date() })
 *     const Recipient = { KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256', AttestationDocument }
 *     const { CiphertextForRecipient } = await room.decrypt({ CiphertextBlob, Recipient })
 *
 * A room believes whoever holds the key of a root it was given: keep such a root out of rooms that guard anything.
 */
import { generateKeyPairSync, sign, X509Certificate, type KeyObject } from 'node:crypto'
import { cbor, type Cbor } from './cbor.ts'
import { certificate, type Party } from './certificate.ts'

export interface AttestationOptions {
  /** The RSA key, of 2,048 bits or more, that answers are to be encrypted for. As bytes: SubjectPublicKeyInfo, DER. */
  publicKey: KeyObject | Uint8Array
  /** When the document is made; it is fresh for some minutes, and its certificate good for three hours. */
  now: Date
  /** What is different in the platform configuration registers: 16 of an enclave, 24 of a TPM, each 48 zero bytes. */
  pcrs?: Readonly<Record<number, Uint8Array>>
  /** A Nitro enclave, or an instance with a NitroTPM. Default: an enclave. */
  platform?: 'enclave' | 'tpm'
  moduleId?: string
  userData?: Uint8Array
  nonce?: Uint8Array
}

export interface Attester {
  /** The certificate all documents lead to, in PEM. */
  readonly root: string
  /** A document for `Recipient.AttestationDocument`. */
  attestationFor(options: AttestationOptions): Uint8Array
}

/** An attester with a root of its own: the key given (P-384), so that it can be kept, or a new one. */
export function createAttester(privateKey = newKey()): Attester {
  const root = { name: 'strongroom test attestation root', privateKey }
  const zone = { name: 'strongroom test attestation zone', privateKey: newKey() }
  const bundle = [authority(root, root, 1), authority(zone, root, 2)]
  return {
    root: new X509Certificate(bundle[0]!).toString(),
    attestationFor: (options) => document(options, zone, bundle),
  }
}

const REGISTERS = { enclave: { name: 'pcrs', count: 16 }, tpm: { name: 'nitrotpm_pcrs', count: 24 } } as const
const ZERO = new Uint8Array(48)
const MINUTE = 60_000
/** COSE's header for ECDSA on P-384 with SHA-384: `alg` is 1, and ES384 is -35 (RFC 9053). */
const ES384 = cbor(new Map([[1, -35]]))

function document(options: AttestationOptions, zone: Party, cabundle: readonly Uint8Array[]): Uint8Array {
  const {
    publicKey,
    now,
    pcrs = {},
    platform = 'enclave',
    moduleId = 'i-00000000000000000-enc0000000000000000',
  } = options
  const module = { name: moduleId, privateKey: newKey() }
  const { name, count } = REGISTERS[platform]
  const registers = new Map<number, Cbor>(Array.from({ length: count }, (_, index) => [index, ZERO]))
  for (const [index, value] of Object.entries(pcrs)) registers.set(Number(index), value)
  const payload = cbor(
    new Map<string, Cbor>([
      ['module_id', moduleId],
      ['digest', 'SHA384'],
      ['timestamp', now.getTime()],
      [name, registers],
      ['certificate', leaf(module, zone, now)],
      ['cabundle', cabundle],
      ['public_key', publicKey instanceof Uint8Array ? publicKey : publicKey.export({ type: 'spki', format: 'der' })],
      ['user_data', options.userData ?? null],
      ['nonce', options.nonce ?? null],
    ]),
  )
  const signed = cbor(['Signature1', ES384, new Uint8Array(), payload])
  const signature = sign('sha384', signed, { key: module.privateKey, dsaEncoding: 'ieee-p1363' })
  return cbor([ES384, new Map(), payload, signature])
}

function authority(subject: Party, issuer: Party, serial: number): Uint8Array {
  const [from, to] = [new Date(Date.UTC(2000, 0)), new Date(Date.UTC(2049, 0))]
  return certificate({ subject, issuer, serial, from, to, authority: true })
}

function leaf(subject: Party, issuer: Party, now: Date): Uint8Array {
  const [from, to] = [-MINUTE, 180 * MINUTE].map((after) => new Date(now.getTime() + after))
  return certificate({ subject, issuer, serial: 3, from: from!, to: to!, authority: false })
}

function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
}
