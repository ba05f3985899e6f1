/**
 * The frame of a symmetric ciphertext, and the encryption context as its associated data: the same for every backend.
 *
 *   version 01 02 02 00 | key material id (32 bytes) | body (the backend's: for the HSM nonce, IV, ciphertext, tag)
 *
 * Version and id go in the clear, so that Decrypt finds the key by itself, and are authenticated. AWS does not publish
 * its frame; the four version bytes are those its ciphertexts are commonly seen to begin with.
 */
import { fail } from './errors.ts'

export type EncryptionContext = Readonly<Record<string, string>>

const VERSION = [1, 2, 2, 0] as const

/** Bytes in front of the body: four of version, 32 of key material id. */
export const HEADER = 36

/** What the HSM adds to a plaintext besides the header: KDF nonce 16, IV 12, tag 16. */
export const BODY_OVERHEAD = 44

/** The largest canonical context we take. AWS's limit is unpublished; an external key store's, 8 KiB, is its ceiling. */
const MAX_CONTEXT = 8192

/** Room for the associated data of one message: header and context. */
export const MAX_AAD = HEADER + MAX_CONTEXT

/** The opening bytes of every ciphertext made under the material with this id (64 hex digits). */
export function headerOf(materialId: string): Uint8Array {
  const header = new Uint8Array(HEADER)
  header.set(VERSION)
  for (let i = 0; i < 32; i++) header[4 + i] = Number.parseInt(materialId.slice(2 * i, 2 * i + 2), 16)
  return header
}

/** Whether `blob` carries our version and is long enough to hold a message. */
export function isFramed(blob: Uint8Array): boolean {
  return blob.length > HEADER + BODY_OVERHEAD && VERSION.every((byte, i) => blob[i] === byte)
}

/** Whether `blob` was made under `material`, by its header. */
export function isUnder(blob: Uint8Array, { header }: { readonly header: Uint8Array }): boolean {
  for (let i = 0; i < HEADER; i++) if (blob[i] !== header[i]) return false
  return true
}

/** The key material id in the header of a framed blob, as 64 hex digits. */
export function materialIdIn(blob: Uint8Array): string {
  let id = ''
  for (let i = 4; i < HEADER; i++) id += blob[i]!.toString(16).padStart(2, '0')
  return id
}

/** A small integer from the header of a blob or of a material, to find its material by; equal ids give equal numbers. */
export function fingerprint(header: Uint8Array): number {
  return header[4]! | (header[5]! << 8) | (header[6]! << 16) | ((header[7]! & 0x3f) << 24)
}

/**
 * Writes the associated data of a message into `out` at `at` and returns its length: the header, then the pairs of the
 * context in the order of their keys' UTF-8 bytes, each string behind its length in two bytes, big-endian. Absent and
 * empty contexts are the same; any other two that differ give different bytes.
 */
export function writeAad(
  header: Uint8Array,
  context: EncryptionContext | undefined,
  out: Uint8Array,
  at: number,
): number {
  out.set(header, at)
  if (context === undefined || context === null) return HEADER
  let end = at + HEADER
  for (const name of sortedNames(context)) end = writeString(context[name]!, out, writeString(name, out, end, at), at)
  return end - at
}

/** The associated data of a message that is not sealed or opened at once, in memory of its own. */
export function aadOf(header: Uint8Array, context: EncryptionContext | undefined): Uint8Array {
  const out = new Uint8Array(MAX_AAD)
  return out.subarray(0, writeAad(header, context, out, 0))
}

function sortedNames(context: EncryptionContext): string[] {
  const names = Object.keys(context)
  if (names.length === 2) {
    // The commonest context by far; two names need no sort and no comparator.
    if (byteOrder(names[0]!, names[1]!) > 0) names.reverse()
    return names
  }
  return names.length < 2 ? names : names.sort(byteOrder)
}

/** Compares as UTF-8 bytes do: by code point, where UTF-16 puts surrogates before U+E000. */
function byteOrder(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    const surrogates = Number(x >= 0xd800 && x < 0xe000) - Number(y >= 0xd800 && y < 0xe000)
    return surrogates === 0 ? x - y : surrogates
  }
  return a.length - b.length
}

const utf8 = new TextEncoder()

/** Writes one string at `end` and returns the new end; `start` is where this message's associated data began. */
function writeString(text: string, out: Uint8Array, end: number, start: number): number {
  const length = text.length
  if (end - start + 2 + length > MAX_AAD) tooLong()
  let at = end + 2
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0x7f) return writeUnicode(text, out, end, start)
    out[at++] = unit
  }
  out[end] = length >> 8
  out[end + 1] = length
  return at
}

function writeUnicode(text: string, out: Uint8Array, end: number, start: number): number {
  // A lone surrogate has no UTF-8: replaced by the encoder, two different contexts would become one.
  if (!text.isWellFormed()) fail('ValidationException', 'encryption context holds a string that is not valid Unicode')
  const { read, written } = utf8.encodeInto(text, out.subarray(end + 2, start + MAX_AAD))
  if (read < text.length) tooLong()
  out[end] = written >> 8
  out[end + 1] = written
  return end + 2 + written
}

function tooLong(): never {
  fail('ValidationException', `encryption context is longer than ${MAX_CONTEXT} bytes`)
}
