/**
 * Bytes at rest: chunks of 64 KiB, each sealed with AES-256-GCM as in STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015): the
 * nonce is the chunk's place and whether it is the last, so that order and length are authenticated with the bytes. The
 * key is derived for one file from its random header and its name, so that no file passes for another. With more than one
 * key each chunk is sealed in as many layers.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

export const CHUNK = 64 * 1024
/** What begins a file: which format this is, and a salt. */
export const HEADER = 36

const FORMAT = Buffer.from('SRS3')
const CIPHER = 'aes-256-gcm'
const TAG = 16

export class Seal {
  readonly header: Uint8Array
  readonly #keys: readonly Uint8Array[]

  /** The seal of the file called `name`, new unless its header is given; `dataKeys` are the caller's to wipe. */
  constructor(dataKeys: readonly Uint8Array[], name: string, header?: Uint8Array) {
    this.header = header ?? Buffer.concat([FORMAT, randomBytes(HEADER - FORMAT.length)])
    this.#keys = dataKeys.map((key, layer) => fileKey(key, this.header, `strongroom s3 file ${name} layer ${layer}`))
  }

  /** How many bytes a whole chunk is in the file. */
  get stride(): number {
    return CHUNK + TAG * this.#keys.length
  }

  /** The place in the file where the chunk of this number begins. */
  offset(index: number): number {
    return HEADER + index * this.stride
  }

  seal(index: number, isLast: boolean, plaintext: Uint8Array): Uint8Array {
    const nonce = nonceOf(index, isLast)
    return this.#keys.reduce((bytes, key) => {
      const cipher = createCipheriv(CIPHER, key, nonce)
      return Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()])
    }, plaintext)
  }

  /** Throws for whatever is not the chunk of this file at this place, and gives out nothing of it. */
  open(index: number, isLast: boolean, sealed: Uint8Array): Uint8Array {
    const nonce = nonceOf(index, isLast)
    return this.#keys.reduceRight((bytes, key) => {
      const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG })
      const end = Math.max(0, bytes.length - TAG)
      decipher.setAuthTag(bytes.subarray(end))
      return Buffer.concat([decipher.update(bytes.subarray(0, end)), decipher.final()])
    }, sealed)
  }

  wipe(): void {
    for (const key of this.#keys) key.fill(0)
  }
}

function fileKey(dataKey: Uint8Array, salt: Uint8Array, info: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', dataKey, salt, info, 32))
}

/** INVARIANT: a file's key seals one chunk for each place, so that no nonce comes twice. */
function nonceOf(index: number, isLast: boolean): Uint8Array {
  const nonce = Buffer.alloc(12)
  nonce.writeUIntBE(index, 5, 6)
  nonce[11] = isLast ? 1 : 0
  return nonce
}
