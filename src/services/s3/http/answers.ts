/** An operation's input from a request, and the answer from its output. */
import { fail } from '../../../errors.ts'
import type { RequestHead, StreamedResponse } from '../../../http/message.ts'
import { folded, unfolded, withChecksum } from './checksummembers.ts'
import { headersOf, membersOf, overrides } from './fields.ts'
import { missingLength, withoutChecksum, type Payload } from './payload.ts'
import type { Place, Route } from './routes.ts'
import { document, parsed } from './xml.ts'

type Members = Readonly<Record<string, unknown>>

/** Bytes of a document, of which a list of all the parts of an upload with their checksums may be the longest. */
const LONGEST_DOCUMENT = 4 * 1024 ** 2

/** Whoever deletes many has to be sure which. */
const MUST_BE_CHECKED = new Set(['deleteObjects'])

export async function inputOf(
  { call, takes, checks }: Route,
  place: Place,
  query: URLSearchParams,
  { headers, way }: RequestHead,
  payload: (headers: RequestHead['headers']) => Payload,
): Promise<Members> {
  const { told, rest } = checks === 'object' ? withoutChecksum(headers) : { rest: headers }
  const members = { ...membersOf(query, headers), ...place, ...(told && { Checksum: told }) }
  requireSendable(overrides(query))
  if (takes === undefined) return members
  const { body, length, checksum, isChecked } = payload(rest)
  if (MUST_BE_CHECKED.has(call) && !isChecked)
    fail('InvalidRequest', 'Missing required header for this request: Content-MD5')
  // In process nobody has to count beforehand.
  if (takes === 'bytes' && length === undefined && way) missingLength()
  if (takes === 'bytes') return { ...members, Body: body, ContentLength: length, Checksum: checksum }
  const text = await textOf(body)
  if ('text' in takes) return { ...members, [takes.text]: text }
  return text === '' ? members : { ...members, [takes.member]: folded(parsed(text, takes.document)) }
}

/** What a header field may hold: Latin-1, but nothing that ends a line. */
const SENDABLE = /^[\t\x20-\x7e\x80-\xff]*$/

/** Said before an object is opened, which an answer that cannot go out would leave so. */
function requireSendable(fields: Readonly<Record<string, string>>): void {
  if (!Object.values(fields).every((value) => SENDABLE.test(value)))
    fail('InvalidArgument', 'Header value cannot be represented using ISO-8859-1.')
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of body) {
    if ((length += piece.length) > LONGEST_DOCUMENT) fail('MaxMessageLengthExceeded', 'Your request was too big.')
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString()
}

/** Members that are header fields even where there is a document. */
const ALWAYS_FIELDS = ['ServerSideEncryption', 'SSEKMSKeyId', 'BucketKeyEnabled']

export function answerOf(route: Route, output: Members, query: URLSearchParams): StreamedResponse {
  const { gives, of, fields = [], status = 200 } = route
  const { Body, ...told } = withChecksum(output)
  if (gives === undefined && of === undefined) {
    const headers = { ...headersOf(told), ...(route.call === 'getObject' && overrides(query)) }
    const found = told['ContentRange'] === undefined ? status : 206
    return { status: found, headers, body: (Body as AsyncIterable<Uint8Array> | undefined) ?? '' }
  }
  if (gives === undefined) {
    return { status, headers: { 'content-type': 'application/json' }, body: told[of!] as string }
  }
  const isField = (name: string) => ALWAYS_FIELDS.includes(name) || fields.includes(name)
  const entries = Object.entries(unfolded(urlEncoded(told)) as Members)
  const headers = headersOf(Object.fromEntries(entries.filter(([name]) => isField(name))))
  const shown = Object.fromEntries(entries.filter(([name]) => !isField(name)))
  const content = of === undefined ? shown : ((shown[of] as object | string | undefined) ?? '')
  return { status, headers: { ...headers, 'content-type': 'application/xml' }, body: document(gives, content) }
}

/** Members of lists in which keys stand, or parts of them. */
const OF_KEYS = new Set([
  ...['Delimiter', 'Key', 'KeyMarker', 'Marker', 'NextKeyMarker', 'NextMarker', 'Prefix', 'StartAfter'],
])

/** A list whose keys are encoded, if the client asked for it: not every character of a key may stand in XML. */
function urlEncoded(output: Members): Members {
  return output['EncodingType'] === 'url' ? (encoded(output) as Members) : output
}

function encoded(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((element) => encoded(element))
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, encoded(member, name)]))
  return OF_KEYS.has(name) && typeof value === 'string' ? encodeURIComponent(value).replaceAll('%2F', '/') : value
}
