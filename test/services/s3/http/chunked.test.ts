/** aws-chunked: AWS's own examples, and everything that is not quite like them. */
import test from 'ava'
import { KmsError } from '../../../../src/errors.ts'
import { signingKey } from '../../../../src/http/sigv4.ts'
import { dechunked } from '../../../../src/services/s3/http/chunked.ts'
import { inPieces } from './standin.ts'

/** "Example calculations" of AWS's pages about streaming uploads, whose body is 65 KiB of the letter a. */
const chainFrom = (seed: string) => ({
  key: signingKey('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', '20130524', 'us-east-1', 's3'),
  timestamp: '20130524T000000Z',
  scope: '20130524/us-east-1/s3/aws4_request',
  seed,
})
const WITHOUT_TRAILER = {
  seed: '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
  chunks: [
    'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
    '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
    'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
  ],
}
const WITH_TRAILER = {
  seed: '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e',
  chunks: [
    'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2',
    '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7',
    '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992',
  ],
  trailer: [
    'x-amz-checksum-crc32c:sOO8/Q==',
    'x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435',
  ],
}
const LENGTHS = [65_536, 1024, 0]

function example({ chunks, trailer = [] }: { chunks: string[]; trailer?: string[] }): string {
  const parts = LENGTHS.map((length, index) => {
    const head = `${length.toString(16)};chunk-signature=${chunks[index]}\r\n`
    return length === 0 ? head : `${head}${'a'.repeat(length)}\r\n`
  })
  return `${parts.join('')}${trailer.map((line) => `${line}\r\n`).join('')}\r\n`
}

/** The length of what comes out, and the trailing headers. */
async function read(body: string, { seed = '', trailers = [] as string[], length = 66_560, size = 10_007 } = {}) {
  const fields: [string, string][] = []
  const chain = seed === '' ? undefined : chainFrom(seed)
  const told = (said: ReadonlyMap<string, string>) => void fields.push(...said)
  let total = 0
  for await (const piece of dechunked(inPieces(body, size), { length, chain, trailers, told })) total += piece.length
  return { total, fields }
}

const CRC32C = 'x-amz-checksum-crc32c'

test('AWS’s example of signed chunks verifies', async (t) => {
  t.deepEqual(await read(example(WITHOUT_TRAILER), WITHOUT_TRAILER), { total: 66_560, fields: [] })
})

test('AWS’s example of signed chunks and a signed trailer verifies', async (t) => {
  const trailers = [CRC32C]
  const { seed } = WITH_TRAILER
  t.deepEqual(await read(example(WITH_TRAILER), { seed, trailers }), { total: 66_560, fields: [[CRC32C, 'sOO8/Q==']] })
})

for (const size of [1, 2, 3, 5, 64]) {
  test(`pieces of ${size} bytes make no difference`, async (t) => {
    const body = `a\r\n0123456789\r\n3\r\nabc\r\n0\r\n${CRC32C}: sOO8/Q== \r\n\r\n`
    const { total, fields } = await read(body, { trailers: [CRC32C], length: 13, size })
    t.is(total, 13)
    t.deepEqual(fields, [[CRC32C, 'sOO8/Q==']])
  })
}

const { seed, chunks } = WITHOUT_TRAILER
const whole = example(WITHOUT_TRAILER)
const trailed = example(WITH_TRAILER)
const SIGNATURE = 'SignatureDoesNotMatch'
const INCOMPLETE = 'IncompleteBody'
const MALFORMED = 'MalformedTrailerError'
const of = (options: Parameters<typeof read>[1]) => options
const REFUSED: [what: string, body: string, options: Parameters<typeof read>[1], code: string][] = [
  ['a byte of the first chunk', whole.replace('aaa', 'aba'), of({ seed }), SIGNATURE],
  ['the signature of the first chunk', whole.replace('ad80', 'ad81'), of({ seed }), SIGNATURE],
  ['the signature of the second chunk', whole.replace('0055', '0056'), of({ seed }), SIGNATURE],
  ['the signature of the end', whole.replace('b6c6', 'b6c7'), of({ seed }), SIGNATURE],
  ['another beginning', whole, of({ seed: seed.replace('4', '5') }), SIGNATURE],
  ['a chunk without its signature', whole.replace(`;chunk-signature=${chunks[1]}`, ''), of({ seed }), SIGNATURE],
  ['an end that does not come', whole.slice(0, -90), of({ seed }), INCOMPLETE],
  ['a body that stops within a chunk', whole.slice(0, 1000), of({ seed }), INCOMPLETE],
  ['no body', '', of({ seed }), INCOMPLETE],
  ['a length that is no number', whole.replace('10000;', '1000g;'), of({ seed }), INCOMPLETE],
  ['a line without end', 'f'.repeat(10_000), of({}), INCOMPLETE],
  ['more than was announced', whole, of({ seed, length: 66_559 }), INCOMPLETE],
  ['less than was announced', whole, of({ seed, length: 66_561 }), INCOMPLETE],
  ['the trailer', trailed.replace('sOO8', 'sOO9'), of({ seed: WITH_TRAILER.seed, trailers: [CRC32C] }), SIGNATURE],
  [
    'the trailer’s signature',
    trailed.replace('d81f', 'd81e'),
    of({ seed: WITH_TRAILER.seed, trailers: [CRC32C] }),
    SIGNATURE,
  ],
  ['a trailer nobody announced', trailed, of({ seed: WITH_TRAILER.seed }), MALFORMED],
  [
    'another trailer than was announced',
    trailed,
    of({ seed: WITH_TRAILER.seed, trailers: ['x-amz-checksum-sha1'] }),
    MALFORMED,
  ],
  ['no trailer, where one was announced', '0\r\n\r\n', of({ length: 0, trailers: [CRC32C] }), MALFORMED],
  ['a trailer that is no header', '0\r\nnonsense\r\n\r\n', of({ length: 0, trailers: [CRC32C] }), MALFORMED],
]

for (const [what, body, options, code] of REFUSED) {
  test(`refused: ${what}`, async (t) => {
    const error = await t.throwsAsync(read(body, options), { instanceOf: KmsError })
    t.is(error.code, code)
  })
}
