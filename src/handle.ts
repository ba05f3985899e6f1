/**
 * A KMS key held in the hand: Encrypt and Decrypt into buffers the caller owns, and many at once. The pipeline is the
 * same, so a key that was disabled, or is asked for too fast, refuses here as everywhere.
 */
import type { Eventually } from './backends/backend.ts'
import { BODY_OVERHEAD, HEADER, type EncryptionContext } from './ciphertext.ts'
import { fail } from './errors.ts'
import { validator } from './model/validate.ts'
import type { Call, Operation } from './operation.ts'
import { decrypt, encrypt } from './operations/crypto.ts'
import type { Context } from './context.ts'
import { prepareEntry, type Prepared, type Service } from './service.ts'

/** What a ciphertext is longer than its plaintext, in bytes. */
export const CIPHERTEXT_OVERHEAD = HEADER + BODY_OVERHEAD

interface One {
  readonly KeyId: string
  readonly Plaintext: Uint8Array
  readonly CiphertextBlob: Uint8Array
  readonly EncryptionContext: EncryptionContext | undefined
  readonly out: Uint8Array
}

interface Many {
  readonly KeyId: string
  readonly items: readonly Uint8Array[]
  readonly EncryptionContext: EncryptionContext | undefined
}

const encryptInto = entry(encrypt, (call: Call<One>) => {
  const { input, key } = call
  const { Plaintext, EncryptionContext, out } = input
  if (out.length < Plaintext.length + CIPHERTEXT_OVERHEAD) tooShort(out, Plaintext.length + CIPHERTEXT_OVERHEAD)
  return call.backendOf(key).cipher.sealInto(key.current!, Plaintext, EncryptionContext, out)
})

const decryptInto = entry(decrypt, (call: Call<One>) => {
  const { input, key, material } = call
  const { CiphertextBlob, EncryptionContext, out } = input
  if (out.length < CiphertextBlob.length - CIPHERTEXT_OVERHEAD)
    tooShort(out, CiphertextBlob.length - CIPHERTEXT_OVERHEAD)
  return call.backendOf(key).cipher.openInto(material, CiphertextBlob, EncryptionContext, out)
})

const encryptMany = entry(
  encrypt,
  (call: Call<Many>) => {
    const { input, key } = call
    return call.backendOf(key).cipher.sealMany(key.current!, input.items, input.EncryptionContext)
  },
  { validate: eachOf('Encrypt', 'Plaintext', 4096), count: ({ items }: Many) => items.length },
)

/**
 * One key, named once, in any of its forms. Answers at once when the key is at hand and the backend is; else by promise.
 *
 *     const key = room.key('alias/orders')
 *     const length = await key.encryptInto(plaintext, out, { table: 'orders' })
 */
export class KeyHandle {
  private readonly service: Service
  private readonly context: Context
  private readonly id: string

  constructor(service: Service, context: Context, id: string) {
    this.service = service
    this.context = context
    this.id = id
  }

  /** Encrypts into `out`, which must hold the plaintext and `CIPHERTEXT_OVERHEAD` bytes more; the length written. */
  encryptInto(plaintext: Uint8Array, out: Uint8Array, context?: EncryptionContext): Eventually<number> {
    const input = { KeyId: this.id, Plaintext: plaintext, EncryptionContext: context, out }
    return this.service.run(encryptInto, input, this.context) as Eventually<number>
  }

  /** Decrypts `blob`, made under this key, into `out`; the length written. */
  decryptInto(blob: Uint8Array, out: Uint8Array, context?: EncryptionContext): Eventually<number> {
    const input = { KeyId: this.id, CiphertextBlob: blob, EncryptionContext: context, out }
    return this.service.run(decryptInto, input, this.context) as Eventually<number>
  }

  /** Encrypts each of `plaintexts` (1 to 4,096 bytes) under one context, in one crossing to the HSM: all of them, or none. */
  encryptMany(plaintexts: readonly Uint8Array[], context?: EncryptionContext): Eventually<Uint8Array[]> {
    const input = { KeyId: this.id, items: plaintexts, EncryptionContext: context }
    return this.service.run(encryptMany, input, this.context) as Eventually<Uint8Array[]>
  }
}

/** An entry like `operation` for the pipeline, with another ending. */
function entry<I>(
  operation: Operation,
  run: (call: Call<I>) => unknown,
  own?: Parameters<typeof prepareEntry>[1],
): Prepared {
  return prepareEntry({ ...operation, run: run as Operation['run'] }, own)
}

/** Validates a batch as so many requests of their own; only one that is no plain success is put to the model. */
function eachOf(name: 'Encrypt', member: 'Plaintext', most: number): (input: unknown) => void {
  const validate = validator(name)
  return (input) => {
    const { KeyId, EncryptionContext, items } = input as Many
    validate({ KeyId, EncryptionContext, [member]: items[0] })
    for (const item of items) {
      if (!(item instanceof Uint8Array) || item.length === 0 || item.length > most) validate({ KeyId, [member]: item })
    }
  }
}

function tooShort(out: Uint8Array, needed: number): never {
  fail('ValidationException', `the buffer holds ${out.length} bytes, ${needed} are needed`)
}
