/**
 * AES keys of a token: AES-256-GCM done by the token, in the frame that all our ciphertexts have. The body is
 * nonce (16) | IV (12) | ciphertext | tag (16): where the token takes IVs of 28 bytes, nonce and IV are one such, which may be
 * drawn at random far more often than 2^32 times under one key (SP 800-38D, 8.2.2 and 8.3); where not, the nonce is zero.
 */
import { randomFillSync } from 'node:crypto'
import { aadOf, BODY_OVERHEAD, HEADER, MAX_AAD, writeAad, type EncryptionContext } from '../../ciphertext.ts'
import { fail } from '../../errors.ts'
import type { Material } from '../../keys.ts'
import type { Cipher, DataKey } from '../backend.ts'
import type { Cryptoki, Handle, Mechanism } from './cryptoki.ts'
import { invalid } from './faults.ts'
import type { Keys } from './keys.ts'
import { CKM, PARAMS } from './numbers.ts'
import { located } from './sessions.ts'

const NONCE = 16
const IV = 12
export const LONG_IV = NONCE + IV
const TAG = 16

export interface GcmHabits {
  /** Bytes of an IV: 28, or 12 where the token takes no other. */
  readonly iv: number
  /** What the token answers when a tag does not match. */
  readonly refusals: ReadonlySet<string>
}

export class TokenCipher implements Cipher {
  private readonly keys: Keys
  private readonly habits: GcmHabits
  private readonly scratch = Buffer.alloc(MAX_AAD)

  constructor(keys: Keys, habits: GcmHabits) {
    this.keys = keys
    this.habits = habits
  }

  seal(material: Material, plaintext: Uint8Array, context: EncryptionContext | undefined): Uint8Array {
    const blob = Buffer.allocUnsafeSlow(HEADER + BODY_OVERHEAD + plaintext.length)
    this.sealInto(material, plaintext, context, blob)
    return blob
  }

  sealInto(material: Material, plaintext: Uint8Array, context: EncryptionContext | undefined, out: Uint8Array): number {
    const aad = this.scratch.subarray(0, writeAad(material.header, context, this.scratch, 0))
    const length = HEADER + BODY_OVERHEAD + plaintext.length
    const blob = asBuffer(out).subarray(0, length)
    blob.set(material.header)
    const iv = blob.subarray(HEADER, HEADER + LONG_IV)
    randomFillSync(iv)
    if (this.habits.iv === IV) iv.fill(0, 0, NONCE)
    this.keys.use(material, (session, { handle }) =>
      gcmSeal(
        this.keys.token.cryptoki,
        session,
        handle,
        ivIn(iv),
        aad,
        asBuffer(plaintext),
        blob.subarray(HEADER + LONG_IV),
      ),
    )
    return length
  }

  open(material: Material, blob: Uint8Array, context: EncryptionContext | undefined): Uint8Array {
    const aad = this.scratch.subarray(0, writeAad(material.header, context, this.scratch, 0))
    if (blob.length < HEADER + BODY_OVERHEAD) fail('InvalidCiphertextException')
    const whole = asBuffer(blob)
    const iv = ivIn(whole.subarray(HEADER, HEADER + LONG_IV))
    const body = whole.subarray(HEADER + LONG_IV)
    return this.keys.use(material, (session, { handle }) =>
      gcmOpen(this.keys.token.cryptoki, session, handle, iv, aad, body, this.habits.refusals),
    )
  }

  openInto(material: Material, blob: Uint8Array, context: EncryptionContext | undefined, out: Uint8Array): number {
    const plaintext = this.open(material, blob, context)
    out.set(plaintext)
    plaintext.fill(0)
    return plaintext.length
  }

  sealMany(
    material: Material,
    plaintexts: readonly Uint8Array[],
    context: EncryptionContext | undefined,
  ): Uint8Array[] {
    return plaintexts.map((plaintext) => this.seal(material, plaintext, context))
  }

  /** The bytes are the token's own random ones; it has no verb that would seal them before we see them. */
  dataKey(material: Material, length: number, context: EncryptionContext | undefined, plaintext: boolean): DataKey {
    const { token } = this.keys
    const bytes = token.use((session) => token.cryptoki.C_GenerateRandom(session, Buffer.allocUnsafeSlow(length)))
    const blob = this.seal(material, bytes, context)
    if (!plaintext) bytes.fill(0)
    return { blob, plaintext: plaintext ? bytes : undefined }
  }

  reseal(
    source: Material,
    blob: Uint8Array,
    sourceContext: EncryptionContext | undefined,
    destination: Material,
    destinationContext: EncryptionContext | undefined,
  ): Uint8Array {
    // A context that is no good is told of before anything is opened.
    aadOf(destination.header, destinationContext)
    const plaintext = this.open(source, blob, sourceContext)
    try {
      return this.seal(destination, plaintext, destinationContext)
    } finally {
      plaintext.fill(0)
    }
  }
}

export function gcmSeal(
  cryptoki: Cryptoki,
  session: Handle,
  key: Handle,
  iv: Buffer,
  aad: Buffer,
  plaintext: Buffer,
  out: Buffer,
): void {
  cryptoki.C_EncryptInit(session, gcm(iv, aad), key)
  const { length } = cryptoki.C_Encrypt(session, located(plaintext), out)
  if (length !== plaintext.length + TAG) throw new Error(`the token made ${length} bytes of ${plaintext.length}`)
}

export function gcmOpen(
  cryptoki: Cryptoki,
  session: Handle,
  key: Handle,
  iv: Buffer,
  aad: Buffer,
  body: Buffer,
  refusals: ReadonlySet<string>,
): Buffer {
  cryptoki.C_DecryptInit(session, gcm(iv, aad), key)
  // The buffer has to have room for the tag too, or else the token says so and stays at it.
  const room = Buffer.alloc(body.length)
  try {
    return cryptoki.C_Decrypt(session, body, room).subarray(0, body.length - TAG)
  } catch (error) {
    throw invalid(error, refusals)
  }
}

function gcm(iv: Buffer, aad: Buffer): Mechanism {
  const parameter = { type: PARAMS.AES_GCM, iv, aad, ivBits: iv.length * 8, tagBits: TAG * 8 }
  return { mechanism: CKM.AES_GCM, parameter }
}

/** The IV that a message was sealed with: a random nonce is never zero. */
function ivIn(field: Buffer): Buffer {
  return field.subarray(0, NONCE).every((byte) => byte === 0) ? field.subarray(NONCE) : field
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
