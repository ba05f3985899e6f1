/** What a caller of the KMS prepares at home before asking: wrapped key material, attestation documents. */
import { generateKeyPairSync } from 'node:crypto'
import { createAttester } from '../../src/testing/attester.ts'
import { node } from '../helpers/wrapping.ts'

/** What can be made, and the parts it is made of. */
export const MAKES: Readonly<Record<string, readonly string[]>> = {
  wrapped: ['material', 'publicKey', 'algorithm'],
  attestation: [],
}

const attester = createAttester()

/** The certificate that a room has to trust for the attestations made here. */
export const ATTESTATION_ROOT = attester.root

interface Wrapping {
  readonly material: Uint8Array
  /** SubjectPublicKeyInfo, DER, as GetParametersForImport gives it. */
  readonly publicKey: Uint8Array
  readonly algorithm: string
}

/** Makes one of `MAKES` of its parts. */
export function make(what: string, from: never, now: Date): unknown {
  const benches: Record<string, (from: never, now: Date) => unknown> = { wrapped, attestation }
  return benches[what]!(from, now)
}

function wrapped({ material, publicKey, algorithm }: Wrapping): Uint8Array {
  const hash = algorithm.endsWith('SHA_1') ? 'sha1' : 'sha256'
  return algorithm.startsWith('RSAES') ? node.oaep(publicKey, material, hash) : node.keyWrap(publicKey, material, hash)
}

/** Of an enclave that keeps its private key to itself. */
function attestation(_: unknown, now: Date): Uint8Array {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return attester.attestationFor({ publicKey, now })
}
