/** Members that have a form of their own on the wire: tags, and checksums of objects and their parts. */
import test from 'ava'
import { signed, standIn } from './standin.ts'

const KEY = { path: '/bucket/key' }
const UPLOAD = { uploadId: 'u' }
const SUMMED = { Checksum: { algorithm: 'CRC32', value: 'AAAAAA==' }, ChecksumType: 'COMPOSITE' }

test('tags stand in a set of their own', async (t) => {
  const { send } = standIn({ getObjectTagging: () => ({ TagSet: [{ Key: 'a', Value: '<' }] }) })
  const { body } = await send(signed({ ...KEY, query: { tagging: '' } }))
  t.regex(body, /<TagSet><Tag><Key>a<\/Key><Value>&#x3c;<\/Value><\/Tag><\/TagSet><\/Tagging>$/)
})

test('what comes with a completion is of the object and its parts', async (t) => {
  const { send, asked } = standIn({ completeMultipartUpload: () => ({ Key: 'key', ...SUMMED }) })
  const headers = {
    'x-amz-checksum-crc32': 'NhCmhg==',
    'x-amz-checksum-type': 'FULL_OBJECT',
    'x-amz-mp-object-size': '5000000000000',
  }
  const part = '<Part><ETag>e</ETag><PartNumber>1</PartNumber><ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part>'
  const body = `<CompleteMultipartUpload>${part}</CompleteMultipartUpload>`
  const answer = await send(signed({ ...KEY, method: 'POST', query: UPLOAD, headers, body }))
  t.like(asked[0]?.input, {
    Checksum: { algorithm: 'CRC32', value: 'NhCmhg==' },
    ChecksumType: 'FULL_OBJECT',
    MpuObjectSize: 5e12,
    MultipartUpload: { Parts: [{ ETag: 'e', PartNumber: 1, Checksum: SUMMED.Checksum }] },
  })
  t.regex(answer.body, /<ChecksumType>COMPOSITE<\/ChecksumType><ChecksumCRC32>AAAAAA==<\/ChecksumCRC32>/)
  t.is(answer.headers['x-amz-checksum-crc32'], undefined)
})

test('checksums of parts are told by the names of their algorithms', async (t) => {
  const { Checksum } = SUMMED
  const { send } = standIn({ listParts: () => ({ UploadId: 'u', Parts: [{ PartNumber: 1, Checksum }] }) })
  const { body } = await send(signed({ ...KEY, query: UPLOAD }))
  t.regex(body, /<Part><PartNumber>1<\/PartNumber><ChecksumCRC32>AAAAAA==<\/ChecksumCRC32><\/Part>/)
})
