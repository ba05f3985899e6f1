/** What a caller of the KMS prepares at home before asking: wrapped key material. */
import { node } from '../helpers/wrapping.ts'

/** What can be made, and the parts it is made of. */
export const MAKES: Readonly<Record<string, readonly string[]>> = {
  wrapped: ['material', 'publicKey', 'algorithm'],
}

interface Wrapping {
  readonly material: Uint8Array
  /** SubjectPublicKeyInfo, DER, as GetParametersForImport gives it. */
  readonly publicKey: Uint8Array
  readonly algorithm: string
}

/** Makes one of `MAKES` of its parts. */
export async function make(what: string, from: never): Promise<unknown> {
  const benches: Record<string, (from: never) => unknown> = { wrapped }
  return benches[what]!(from)
}

function wrapped({ material, publicKey, algorithm }: Wrapping): Uint8Array {
  const hash = algorithm.endsWith('SHA_1') ? 'sha1' : 'sha256'
  return algorithm.startsWith('RSAES') ? node.oaep(publicKey, material, hash) : node.keyWrap(publicKey, material, hash)
}
