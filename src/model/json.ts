/**
 * awsJson 1.1 to values and back, directed by the shapes of the API model; the only module that knows base64 and epoch
 * seconds. Each shape is compiled once into a reader and a writer.
 *
 * Reading is strict, see scanner.ts. Members the model does not know must be valid JSON and are then ignored, as AWS does;
 * `null` is absence; null elements of lists and maps stay, for validate.ts to complain of in AWS's words.
 */

import { isAscii, isUtf8 } from 'node:buffer'
import { fail } from '../errors.ts'
import { OPERATIONS, SHAPES, type Inputs, type Operation, type OperationName, type Outputs, type Shape } from './kms.ts'
import { mismatch } from './mismatch.ts'
import { CURLY, Scanner, SQUARE } from './scanner.ts'

/** The longest body we read, in bytes. AWS does not publish its own limit. */
export const MAX_BODY = 256 * 1024

/** The furthest a Date reaches from 1970, in milliseconds (ECMA-262, Time Values). */
const MAX_TIME = 8.64e15

type Reader = (scanner: Scanner) => unknown
// A writer's value has the type of its shape; the compiler below is where the two meet.
type Writer<T = never> = (value: T) => string
type Row<Type extends Shape['type']> = Extract<Shape, { type: Type }>

const readers = new Map<string, Reader>()
const writers = new Map<string, Writer>()

/** The input of an operation from the body of its request; an empty body is an input without members. */
export function decode<N extends OperationName>(name: N, body: Uint8Array): Inputs[N] {
  if (body.length > MAX_BODY) fail('RequestEntityTooLarge', `the body is longer than ${MAX_BODY} bytes`)
  const scanner = new Scanner(textOf(body))
  const nothing = scanner.atEnd() || scanner.literal('null')
  const input = nothing ? {} : readerOf(OPERATIONS[name].input)(scanner)
  scanner.end()
  return input as Inputs[N]
}

/** The body of an operation's answer: what its output shape names, in the model's order, and nothing else. */
export function encode<N extends OperationName>(name: N, output: Outputs[N]): string {
  const { output: shape }: Operation = OPERATIONS[name]
  return shape === undefined ? '' : writerOf<Outputs[N]>(shape)(output)
}

function textOf(body: Uint8Array): string {
  const bytes = asBuffer(body)
  if (isAscii(bytes)) return bytes.toString('latin1')
  return isUtf8(bytes) ? bytes.toString('utf8') : fail('SerializationException', 'the body is not UTF-8')
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

function readerOf(name: string): Reader {
  let reader = readers.get(name)
  if (!reader) readers.set(name, (reader = compileReader((SHAPES as Record<string, Shape>)[name]!)))
  return reader
}

function compileReader(shape: Shape): Reader {
  switch (shape.type) {
    case 'structure':
      return structureReader(shape)
    case 'list':
      return listReader(readerOf(shape.member))
    case 'map':
      return mapReader(readerOf(shape.value))
    case 'string':
      return (scanner) => (scanner.peek() === QUOTE ? scanner.string() : refuse(scanner, 'string'))
    case 'blob':
      return readBlob
    case 'integer':
      return readInteger
    case 'boolean':
      return (scanner) => scanner.literal('true') || (!scanner.literal('false') && refuse(scanner, 'boolean'))
    case 'timestamp':
      return readTimestamp
  }
}

function structureReader(shape: Row<'structure'>): Reader {
  const members = new Map(
    Object.entries(shape.members).map(([name, target], index) => [name, { bit: 1 << index, read: readerOf(target) }]),
  )
  return (scanner) => {
    if (scanner.peek() !== CURLY) refuse(scanner, 'structure')
    const value: Record<string, unknown> = {}
    // INVARIANT: no structure has more than 32 members, so a number can hold which of them were seen.
    let seen = 0
    let unknown: Set<string> | undefined
    for (let more = scanner.open(CURLY); more; more = scanner.more(CURLY)) {
      const key = scanner.key()
      const member = members.get(key)
      if (member) {
        if (seen & member.bit) scanner.refuse('duplicate key')
        seen |= member.bit
        if (!scanner.literal('null')) value[key] = member.read(scanner)
      } else {
        unknown ??= new Set()
        if (unknown.has(key)) scanner.refuse('duplicate key')
        unknown.add(key)
        scanner.skip()
      }
    }
    return value
  }
}

const listReader =
  (read: Reader): Reader =>
  (scanner) => {
    if (scanner.peek() !== SQUARE) refuse(scanner, 'list')
    const value: unknown[] = []
    for (let more = scanner.open(SQUARE); more; more = scanner.more(SQUARE)) {
      value.push(scanner.literal('null') ? null : read(scanner))
    }
    return value
  }

/** Maps become plain objects; the one key that could do harm there, `__proto__`, never leaves the scanner. */
const mapReader =
  (read: Reader): Reader =>
  (scanner) => {
    if (scanner.peek() !== CURLY) refuse(scanner, 'map')
    const value: Record<string, unknown> = {}
    for (let more = scanner.open(CURLY); more; more = scanner.more(CURLY)) {
      const key = scanner.key()
      if (Object.hasOwn(value, key)) scanner.refuse('duplicate key')
      value[key] = scanner.literal('null') ? null : read(scanner)
    }
    return value
  }

/** Most blobs are written without escapes; some clients write `\/` for `/`, and take the second way. */
function readBlob(scanner: Scanner): Uint8Array {
  if (scanner.peek() !== QUOTE) refuse(scanner, 'blob')
  return scanner.verbatim(fromBase64) ?? fromBase64(scanner.string()) ?? scanner.refuse('no valid base64')
}

/** Node's decoder skips what it does not know; encoding again shows whether alphabet, padding and spare bits were right. */
export function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}

export const toBase64 = (bytes: Uint8Array): string => asBuffer(bytes).toString('base64')

/** JSON has one kind of number: 1.0 is an integer, 1.5 and what 32 bits cannot hold are not. */
function readInteger(scanner: Scanner): number {
  const value = isNumber(scanner) ? scanner.number() : refuse(scanner, 'integer')
  return (value | 0) === value ? value | 0 : mismatch(value, 'integer')
}

function readTimestamp(scanner: Scanner): Date {
  const seconds = isNumber(scanner) ? scanner.number() : refuse(scanner, 'timestamp')
  const time = Math.round(seconds * 1000)
  return Math.abs(time) <= MAX_TIME ? new Date(time) : mismatch(seconds, 'timestamp')
}

const QUOTE = 0x22
const MINUS = 0x2d

function isNumber(scanner: Scanner): boolean {
  const code = scanner.peek()
  return code === MINUS || (code >= 0x30 && code <= 0x39)
}

/** Refuses what comes next for being of another type, or of none. */
function refuse(scanner: Scanner, wanted: Shape['type']): never {
  const code = scanner.peek()
  if (code === SQUARE) mismatch([], wanted)
  if (code === CURLY) mismatch({}, wanted)
  if (code === QUOTE) mismatch('', wanted)
  if (scanner.literal('true')) mismatch(true, wanted)
  if (scanner.literal('false')) mismatch(false, wanted)
  mismatch(scanner.number(), wanted)
}

function writerOf<T>(name: string): Writer<T> {
  let writer = writers.get(name)
  if (!writer) writers.set(name, (writer = compileWriter((SHAPES as Record<string, Shape>)[name]!)))
  return writer as Writer<T>
}

function compileWriter(shape: Shape): Writer {
  switch (shape.type) {
    case 'structure':
      return structureWriter(shape)
    case 'list': {
      const write = writerOf<unknown>(shape.member)
      return (list: unknown[]) => `[${list.map((it) => write(it)).join()}]`
    }
    case 'map': {
      const write = writerOf<unknown>(shape.value)
      const pair = ([key, it]: [string, unknown]): string => `${JSON.stringify(key)}:${write(it)}`
      return (map: Record<string, unknown>) => `{${Object.entries(map).map(pair).join()}}`
    }
    case 'blob':
      return (bytes: Uint8Array) => `"${asBuffer(bytes).toString('base64')}"`
    case 'timestamp':
      return (date: Date) => String(date.getTime() / 1000)
    default:
      return (value: string | number | boolean) => JSON.stringify(value)
  }
}

function structureWriter(shape: Row<'structure'>): Writer {
  const members = Object.entries(shape.members).map(([name, target]) => ({
    name,
    label: `"${name}":`,
    write: writerOf<unknown>(target),
  }))
  return (value: Record<string, unknown>) => {
    let text = ''
    for (const { name, label, write } of members) {
      const it = value[name]
      if (it !== undefined && it !== null) text += (text ? ',' : '') + label + write(it)
    }
    return `{${text}}`
  }
}
