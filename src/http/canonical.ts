/**
 * The canonical request of AWS Signature Version 4: the one text both sides hash, made from the raw bytes of the request line
 * and headers. For every service but S3 the path is normalised and then encoded once more; S3's keys stand as they are.
 */
import type { RequestHead } from './message.ts'

/** `signedHeaders` as the client listed them (`host;x-amz-date`); every one of them must be present in the request. */
export function canonicalRequest(
  request: RequestHead,
  signedHeaders: string,
  bodyHash: string,
  pathRule = canonicalPath,
): string {
  const { url, headers } = request
  const mark = url.indexOf('?')
  const path = mark < 0 ? url : url.slice(0, mark)
  let text = `${request.method}\n${pathRule(path)}\n${mark < 0 ? '' : canonicalQuery(url.slice(mark + 1))}\n`
  for (const name of signedHeaders.split(';')) text += `${name}:${canonicalValue(headers[name] ?? '')}\n`
  return `${text}\n${signedHeaders}\n${bodyHash}`
}

function canonicalPath(path: string): string {
  if (path === '/' || path === '') return '/'
  const segments: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(segment)
  }
  if (segments.length === 0) return '/'
  const normal = `/${segments.join('/')}${path.endsWith('/') ? '/' : ''}`
  return normal.replace(/[^A-Za-z0-9\-._~/]/gu, percent)
}

/** S3's rule: encoded once, whatever the segments are. */
export function canonicalKeyPath(path: string): string {
  return path.split('/').map(normal).join('/')
}

/** Sorted by encoded name, then by encoded value; compared as pairs, for `=` sorts after `-` and would mislead in a joined text. */
function canonicalQuery(query: string): string {
  const pairs = query.split('&').filter((field) => field !== '')
  return pairs
    .map((field) => {
      const equals = field.indexOf('=')
      return equals < 0 ? [normal(field), ''] : [normal(field.slice(0, equals)), normal(field.slice(equals + 1))]
    })
    .sort(([a = '', x = ''], [b = '', y = '']) => order(a, b) || order(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Trimmed, and runs of blanks made one. Blank is space and tab only: Unicode's other spaces are content here. */
function canonicalValue(value: string): string {
  return /^[ \t]|[ \t]$|[ \t]{2}|\t/.test(value) ? value.replace(/[ \t]+/g, ' ').replace(/^ | $/g, '') : value
}

/** Percent-encoding brought to one form: unreserved characters bare, everything else as upper-case triplets. */
function normal(text: string): string {
  return text.replace(/%[0-9A-Fa-f]{2}|[^A-Za-z0-9\-._~]/gu, (match) => {
    if (match.length < 3 || !match.startsWith('%')) return percent(match)
    const character = String.fromCharCode(parseInt(match.slice(1), 16))
    return /[A-Za-z0-9\-._~]/.test(character) ? character : match.toUpperCase()
  })
}

const percent = (text: string): string =>
  Array.from(Buffer.from(text), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
