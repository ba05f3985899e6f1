/** What a caller of the KMS prepares at home before asking: wrapped key material. */
import { constants, createCipheriv, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto'
import type { MAKES } from './story.ts'

interface Wrapping {
  readonly material: Uint8Array
  /** SubjectPublicKeyInfo, DER, as GetParametersForImport gives it. */
  readonly publicKey: Uint8Array
  readonly algorithm: string
}

/** Makes one of `MAKES` of what it needs. */
export async function make(what: string, from: never): Promise<unknown> {
  const benches: Record<keyof typeof MAKES, (from: never) => unknown> = { wrapped }
  return benches[what]!(from)
}

/** As AWS's guide wraps key material with openssl. */
function wrapped({ material, publicKey, algorithm }: Wrapping): Uint8Array {
  const hash = algorithm.endsWith('SHA_1') ? 'sha1' : 'sha256'
  if (algorithm.startsWith('RSAES_OAEP')) return oaep(publicKey, hash, material)
  const ephemeral = randomBytes(32)
  const kwp = createCipheriv('id-aes256-wrap-pad', ephemeral, Buffer.from('A65959A6', 'hex'))
  return Buffer.concat([oaep(publicKey, hash, ephemeral), kwp.update(material), kwp.final()])
}

function oaep(publicKey: Uint8Array, oaepHash: string, secret: Uint8Array): Buffer {
  const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' })
  return publicEncrypt({ key, oaepHash, padding: constants.RSA_PKCS1_OAEP_PADDING }, secret)
}
