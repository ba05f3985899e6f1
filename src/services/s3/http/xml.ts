/** S3's documents: what is answered becomes XML, and the XML of a request what is asked, both by AWS's names. */
import { XMLParser } from 'fast-xml-parser'
import { fail } from '../../../errors.ts'

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/'

/** Lists whose elements are called otherwise than the list; those of the second stand in an element of the list's own. */
const ELEMENTS: Readonly<Record<string, string>> = {
  ...{ Errors: 'Error', Objects: 'Object', Parts: 'Part', Rules: 'Rule', Uploads: 'Upload' },
}
const WRAPPED: Readonly<Record<string, string>> = { Buckets: 'Bucket', TagSet: 'Tag' }
const LISTS: ReadonlyMap<string, string> = new Map(Object.entries(ELEMENTS).map(([list, element]) => [element, list]))
const IN_WRAPPING = new Set(Object.values(WRAPPED))
/** Epoch milliseconds here, ISO 8601 there. */
const TIMES = new Set(['CreationDate', 'Initiated', 'LastModified'])

/** A document with this root. */
export function document(root: string, content: object | string, namespace = NAMESPACE): string {
  const opening = namespace === '' ? root : `${root} xmlns="${namespace}"`
  const inner = typeof content === 'string' ? escaped(content) : members(content)
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${opening}>${inner}</${root}>`
}

function members(content: object): string {
  return Object.entries(content)
    .map(([name, value]) => member(name, value))
    .join('')
}

function member(name: string, value: unknown): string {
  if (value === undefined || value === null) return ''
  const wrapped = WRAPPED[name]
  if (wrapped !== undefined) return tag(name, list(wrapped, value as unknown[]))
  if (Array.isArray(value)) return list(ELEMENTS[name] ?? name, value)
  if (typeof value === 'object') return tag(name, members(value))
  return tag(name, escaped(TIMES.has(name) ? new Date(value as number).toISOString() : (value as string | number)))
}

const list = (element: string, values: readonly unknown[]): string =>
  values.map((value) => member(element, value)).join('')
const tag = (name: string, inner: string): string => `<${name}>${inner}</${name}>`

/** Not every character may stand in XML, and a carriage return would be read as a line feed. */
function escaped(value: string | number | boolean): string {
  return String(value)
    .toWellFormed()
    .replace(/[&<>"\ufffe\uffff]|(?![\t\n])\p{Cc}/gu, (character) => `&#x${character.charCodeAt(0).toString(16)};`)
}

const parser = new XMLParser({
  ignoreAttributes: true,
  ignoreDeclaration: true,
  parseTagValue: false,
  trimValues: false,
  removeNSPrefix: true,
  // Numeric references, with which keys are written that hold a line break.
  htmlEntities: true,
  isArray: (name) => LISTS.has(name) || IN_WRAPPING.has(name),
})

const NUMBERS = new Set(['PartNumber', 'Size'])
const FLAGS = new Set(['Quiet', 'BucketKeyEnabled'])

/** What a request's document says, whose root must be this. An empty text says nothing. */
export function parsed(text: string, root: string): Readonly<Record<string, unknown>> {
  // Nobody needs a document type, and entities of one's own are a known way to do harm.
  if (/<!(DOCTYPE|ENTITY)/i.test(text)) malformed()
  const content = tree(text)[root]
  if (content === undefined) malformed()
  return typeof content === 'object' ? (meant(root, content) as Record<string, unknown>) : {}
}

/** The parser throws for what is no XML, and for names that could do harm. */
function tree(text: string): Record<string, unknown> {
  try {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- validating is to move to a package of its own
    return parser.parse(text, true) as Record<string, unknown>
  } catch {
    return malformed()
  }
}

/** An element's content as the member of a request. */
function meant(name: string, content: unknown): unknown {
  if (Object.hasOwn(WRAPPED, name)) return meant('', wrapped(content, WRAPPED[name]!))
  if (Array.isArray(content)) return content.map((element) => meant('', element))
  if (typeof content === 'object' && content !== null) {
    const fields = Object.entries(content).filter(([field]) => field !== '#text')
    return Object.fromEntries(fields.map(([field, value]) => [LISTS.get(field) ?? field, meant(field, value)]))
  }
  const text = content as string
  if (NUMBERS.has(name)) return /^\d{1,15}$/.test(text) ? Number(text) : malformed()
  if (FLAGS.has(name)) return text === 'true' || (text === 'false' ? false : malformed())
  return text
}

function wrapped(content: unknown, element: string): unknown {
  if (Array.isArray(content) || (typeof content === 'string' && content.trim() !== '')) malformed()
  return (content as Readonly<Record<string, unknown>>)[element] ?? []
}

export function malformed(): never {
  fail('MalformedXML', 'The XML you provided was not well-formed or did not validate against our published schema')
}
