/** What PKCS#11 reads and writes in memory: its structures as buffers, each kept alive by what points at it. */
import { createRequire } from 'node:module'
import type * as Koffi from 'koffi'
import { CKA, CKM } from './numbers.ts'

/** Bytes of a CK_ULONG, and of a pointer, on the machines we know. */
export const WORD = 8

/** A pointer argument; null is NULL. */
export type Pointer = Buffer | null

/** What an attribute is to be: a number is a CK_ULONG, a boolean a CK_BBOOL, a list a template in a template or an array of numbers. */
export type Value = number | boolean | string | Uint8Array | null | readonly number[] | Template
export interface Attribute {
  readonly type: keyof typeof CKA | number
  readonly value: Value
}
export type Template = readonly Attribute[]

/** A mechanism, with its parameter as bytes. */
export interface Mechanism {
  readonly type: keyof typeof CKM | number
  readonly parameter?: Buffer | undefined
}

/** koffi is optional: only those who try modules need it. */
export const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi

/** What buffers point at: a pointer in bytes keeps nothing alive by itself. */
const held = new WeakMap<Buffer, readonly Buffer[]>()
/** What buffers are, for people who read a trace; what changes as a module writes there is asked for anew. */
const said = new WeakMap<Buffer, string | (() => string)>()

/** `bytes`, to be called `text` in traces. */
export function named(bytes: Buffer, text: string | (() => string)): Buffer {
  said.set(bytes, text)
  return bytes
}

export function describe(bytes: Buffer): string {
  const text = said.get(bytes) ?? `${bytes.length} bytes`
  return typeof text === 'string' ? text : text()
}

/** The address of `bytes`, which `holder` keeps alive from now on. */
function addressOf(bytes: Buffer, holder: Buffer): bigint {
  held.set(holder, [...(held.get(holder) ?? []), bytes])
  return koffi.address(bytes)
}

/** A CK_ULONG, or a place for one, which traces tell by its value: a length, a count, a handle. */
export function word(value = 0): Buffer {
  const bytes = Buffer.alloc(WORD)
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)))
  return named(bytes, () => `*${wordIn(bytes)}`)
}

/** The CK_ULONG at `at`; CK_UNAVAILABLE_INFORMATION, which is all ones, is -1. */
export function wordIn(bytes: Buffer, at = 0): number {
  const value = bytes.readBigUInt64LE(at)
  return value === 0xffff_ffff_ffff_ffffn ? -1 : Number(value)
}

/** One structure of words and pointers, in their order: numbers are CK_ULONGs, buffers pointers to them. */
export function structure(...fields: readonly (number | Pointer)[]): Buffer {
  const bytes = Buffer.alloc(fields.length * WORD)
  fields.forEach((field, i) => {
    const value =
      field === null ? 0n : typeof field === 'number' ? BigInt.asUintN(64, BigInt(field)) : addressOf(field, bytes)
    bytes.writeBigUInt64LE(value, i * WORD)
  })
  return bytes
}

/** An array of CK_ATTRIBUTE. */
export function template(attributes: Template): Buffer {
  const bytes = structure(
    ...attributes.flatMap(({ type, value }) => {
      const encoded = encode(value)
      return [numberOf(CKA, type), encoded, encoded?.length ?? 0]
    }),
  )
  return named(
    bytes,
    `{${attributes.map(({ type, value }) => `${nameOf(CKA, 'CKA', type)}${shown(value)}`).join(', ')}}`,
  )
}

/** A CK_MECHANISM. */
export function mechanism({ type, parameter }: Mechanism): Buffer {
  const bytes = structure(numberOf(CKM, type), parameter ?? null, parameter?.length ?? 0)
  return named(bytes, nameOf(CKM, 'CKM', type))
}

function encode(value: Value): Buffer | null {
  if (value === null) return null
  if (typeof value === 'number') return word(value)
  if (typeof value === 'boolean') return Buffer.of(value ? 1 : 0)
  if (typeof value === 'string') return Buffer.from(value)
  if (value instanceof Uint8Array) return Buffer.isBuffer(value) ? value : Buffer.from(value)
  if (value.length === 0) return Buffer.alloc(0)
  return typeof value[0] === 'number'
    ? Buffer.concat((value as readonly number[]).map((each) => word(each)))
    : template(value as Template)
}

/** Bytes are never shown: they may be a key. */
function shown(value: Value): string {
  if (typeof value === 'boolean' || typeof value === 'number' || value === null) return `=${value}`
  return typeof value === 'string' ? `="${value}"` : `=[${value.length}]`
}

type Numbers = Readonly<Record<string, number>>

export function numberOf(numbers: Numbers, name: string | number): number {
  return typeof name === 'number' ? name : numbers[name]!
}

/** A number by its name, such as `CKM_AES_GCM`; in hexadecimal when the standard has none. */
export function nameOf(numbers: Numbers, prefix: string, number: string | number): string {
  const name = typeof number === 'string' ? number : Object.keys(numbers).find((each) => numbers[each] === number)
  return name === undefined ? `${prefix}_0x${Number(number).toString(16)}` : `${prefix}_${name}`
}
