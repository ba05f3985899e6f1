/** Lists of what is in a bucket: in the order of the keys' UTF-8 bytes, what shares a prefix rolled up and skipped. */
import type { Context } from '../../context.ts'
import { fail } from '../../errors.ts'
import type { Recorded } from '../../store/resources.ts'
import { quoted } from './conditional.ts'
import type { Means } from './means.ts'
import type { Records, StoredObject } from './records.ts'
import type * as Shapes from './shapes.ts'

/** Where a list goes on: with this key, or after it; undefined where there can be nothing more. */
interface From {
  readonly key: string
  readonly inclusive: boolean
}

type Entry =
  | { readonly kind: 'object'; readonly name: string; readonly object: StoredObject }
  | { readonly kind: 'prefix'; readonly name: string }

const MOST = 1000

export async function listObjectsV2(
  means: Means,
  input: Shapes.ListObjectsV2Request,
  context: Context,
): Promise<Shapes.ListObjectsV2Output> {
  const { ContinuationToken, StartAfter, FetchOwner } = input
  const start = ContinuationToken === undefined ? after(StartAfter) : fromToken(ContinuationToken)
  const { last, ...page } = await listed(means, input, start, FetchOwner ?? false, context)
  return {
    ...page,
    KeyCount: page.Contents.length + page.CommonPrefixes.length,
    ...given({ ContinuationToken, StartAfter }),
    ...(last && { NextContinuationToken: tokenOf(last) }),
  }
}

/** A marker may be the common prefix that the last page ended with, which then does not come again. */
export async function listObjects(
  means: Means,
  input: Shapes.ListObjectsRequest,
  context: Context,
): Promise<Shapes.ListObjectsOutput> {
  const { Marker = '', Prefix = '', Delimiter } = input
  const isPrefix = Marker !== '' && Marker === commonPrefix(Marker, Prefix, Delimiter)
  const start = isPrefix ? beyond(Marker) : after(Marker)
  const { last, ...page } = await listed(means, input, start, true, context)
  return { ...page, Marker, ...(last && Delimiter && { NextMarker: last.name }) }
}

async function listed(
  { leave, records }: Means,
  input: Shapes.ListObjectsV2Request | Shapes.ListObjectsRequest,
  start: From | undefined,
  withOwner: boolean,
  context: Context,
) {
  const { Bucket, Prefix = '', Delimiter, MaxKeys, EncodingType } = input
  const told = { 's3:prefix': input.Prefix, 's3:delimiter': Delimiter, 's3:max-keys': MaxKeys?.toString() }
  const { value: bucket } = await leave.bucket(input, 's3:ListBucket', context, told)
  const limit = limitOf(MaxKeys)
  const found: Entry[] = []
  let more = false
  if (limit > 0) {
    for await (const entry of entries(records, Bucket, Prefix, Delimiter, start)) {
      if ((more = found.length === limit)) break
      found.push(entry)
    }
  }
  const owner = withOwner ? { Owner: { ID: bucket.account } } : {}
  return {
    Name: Bucket,
    Prefix,
    ...given({ Delimiter, EncodingType }),
    MaxKeys: limit,
    IsTruncated: more,
    Contents: found.flatMap((entry) => (entry.kind === 'object' ? [{ ...contentOf(entry), ...owner }] : [])),
    CommonPrefixes: found.flatMap(({ kind, name }) => (kind === 'prefix' ? [{ Prefix: name }] : [])),
    last: more ? found.at(-1) : undefined,
  }
}

/** Objects and common prefixes, in order. After a prefix the next key beyond all of it is asked for. */
async function* entries(
  records: Records,
  bucket: string,
  prefix: string,
  delimiter: string | undefined,
  start: From | undefined,
): AsyncGenerator<Entry> {
  let from = start && later({ key: prefix, inclusive: true }, start)
  while (from) {
    let skipTo: From | undefined
    for await (const { name, value } of objectsFrom(records, bucket, from)) {
      if (!name.startsWith(prefix)) return
      const common = commonPrefix(name, prefix, delimiter)
      if (common === undefined) yield { kind: 'object', name, object: value }
      else {
        yield { kind: 'prefix', name: common }
        skipTo = beyond(common)
        break
      }
    }
    from = skipTo
  }
}

/** Few at first, since one may be all that is needed; more and more, as they are. */
async function* objectsFrom(
  records: Records,
  bucket: string,
  { key, inclusive }: From,
): AsyncGenerator<Recorded<StoredObject>> {
  const first = inclusive && key !== '' ? await records.objects.get(bucket, key) : undefined
  if (first) yield first
  let last = key === '' ? undefined : key
  for (let limit = 8; ; limit = Math.min(2 * limit, MOST)) {
    const found = await records.objects.list(bucket, last, limit)
    yield* found
    if (found.length < limit) return
    last = found.at(-1)!.name
  }
}

/** The key up to the first delimiter after the prefix, and with it. */
export function commonPrefix(key: string, prefix: string, delimiter: string | undefined): string | undefined {
  if (!delimiter || !key.startsWith(prefix)) return undefined
  const at = key.indexOf(delimiter, prefix.length)
  return at < 0 ? undefined : key.slice(0, at + delimiter.length)
}

const BEGINNING: From = { key: '', inclusive: true }

/** The place after all keys that begin with `prefix`: its last character is replaced by the next. */
function beyond(prefix: string): From | undefined {
  const characters = Array.from(prefix)
  for (;;) {
    const last = characters.pop()?.codePointAt(0)
    if (last === undefined) return undefined
    if (last === 0x10ffff) continue
    // Between these two are the surrogates, which are no characters.
    const next = last === 0xd7ff ? 0xe000 : last + 1
    return { key: characters.join('') + String.fromCodePoint(next), inclusive: true }
  }
}

function after(key = ''): From {
  return key === '' ? BEGINNING : { key, inclusive: false }
}

function later(one: From, other: From): From {
  const order = Buffer.compare(Buffer.from(one.key), Buffer.from(other.key))
  if (order === 0) return one.inclusive ? other : one
  return order > 0 ? one : other
}

/** A token names the last entry: what follows comes after the object, or after all that has the prefix. */
function tokenOf({ kind, name }: Entry): string {
  return Buffer.from(`${kind} ${name}`).toString('hex')
}

function fromToken(token: string): From | undefined {
  const [, kind, name] = /^(object|prefix) (.+)$/s.exec(Buffer.from(token, 'hex').toString()) ?? []
  if (name === undefined) fail('InvalidArgument', 'The continuation token provided is incorrect')
  return kind === 'prefix' ? beyond(name) : { key: name, inclusive: false }
}

export function limitOf(wanted = MOST, name = 'max-keys'): number {
  if (!Number.isInteger(wanted) || wanted < 0)
    fail('InvalidArgument', `Argument ${name} must be an integer between 0 and 2147483647`)
  return Math.min(wanted, MOST)
}

function contentOf({ name, object }: Extract<Entry, { kind: 'object' }>): Shapes.Listed {
  const { modified, etag, size } = object
  return { Key: name, LastModified: modified, ETag: quoted(etag), Size: size, StorageClass: 'STANDARD' }
}

/** Only what was given is told again. */
function given<T extends Record<string, string | undefined>>(members: T): { [K in keyof T]?: string } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== '')) as never
}
