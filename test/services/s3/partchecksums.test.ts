/** Checksums of what comes in parts: of all bytes or of the parts' checksums, told by the client or found, and kept. */
import test from 'ava'
import { toBase64 } from '../../../src/model/json.ts'
import { CHECKSUMS } from '../../../src/services/s3/checksums.ts'
import { refuses } from '../../helpers/scene.ts'
import type { Person } from '../../../src/person.ts'
import type { CompletedPart } from '../../../src/services/s3/shapes.ts'
import { Bucket, encryptedBy, pattern, shop } from './scene.ts'

const Key = 'large'
const at = { Bucket, Key }
const FIRST = pattern(5 * 1024 ** 2)
const BODIES = [FIRST, Buffer.from('the end')]
const LARGE = Buffer.concat(BODIES)

const digestOf = (algorithm: string, bytes: Uint8Array): Uint8Array => {
  const digest = CHECKSUMS[algorithm]!.start()
  digest.update(bytes)
  return digest.digest()
}
const sumOf = (algorithm: string, bytes: Uint8Array) => ({ algorithm, value: toBase64(digestOf(algorithm, bytes)) })
const composite = (algorithm: string) => {
  const parts = Buffer.concat(BODIES.map((body) => digestOf(algorithm, body)))
  return { algorithm, value: `${sumOf(algorithm, parts).value}-2` }
}

/** Starts an upload; puts its parts, with checksums by `algorithm` if there is one; and what completes it. */
async function uploaded({ s3 }: Person, asked: object, algorithm?: string) {
  const { UploadId, ...told } = await s3.createMultipartUpload({ ...at, ...asked })
  const upload = { ...at, UploadId }
  const Parts: CompletedPart[] = []
  for (const [index, Body] of BODIES.entries()) {
    const given = algorithm === undefined ? {} : { Checksum: sumOf(algorithm, Body) }
    const { ETag, Checksum } = await s3.uploadPart({ ...upload, PartNumber: index + 1, Body, ...given })
    Parts.push({ PartNumber: index + 1, ETag, Checksum })
  }
  const complete = (more: object = {}) => s3.completeMultipartUpload({ ...upload, MultipartUpload: { Parts }, ...more })
  return { told, upload, Parts, complete }
}

const KINDS = [
  ...['CRC32', 'CRC32C', 'SHA1', 'SHA256'].map((algorithm) => [algorithm, 'COMPOSITE', undefined] as const),
  ...['CRC32', 'CRC32C'].map((algorithm) => [algorithm, 'FULL_OBJECT', 'FULL_OBJECT'] as const),
  ['CRC64NVME', 'FULL_OBJECT', undefined] as const,
]

for (const [algorithm, ChecksumType, asked] of KINDS) {
  test(`a ${algorithm} of an object in parts is ${ChecksumType}${asked ? ', if it is to be' : ''}`, async (t) => {
    const { room } = await shop(t)
    const { told, complete } = await uploaded(room, { ChecksumAlgorithm: algorithm, ChecksumType: asked }, algorithm)
    t.like(told, { ChecksumAlgorithm: algorithm, ChecksumType })
    const Checksum = ChecksumType === 'COMPOSITE' ? composite(algorithm) : sumOf(algorithm, LARGE)
    await refuses(t, complete({ Checksum: sumOf(algorithm, FIRST) }), 'BadDigest')
    t.like(await complete({ Checksum }), { Checksum, ChecksumType })
    t.like(await room.s3.headObject({ ...at, ChecksumMode: 'ENABLED' }), { Checksum, ChecksumType })
    t.is((await room.s3.headObject(at)).Checksum, undefined)
  })
}

const NEVER = [
  ['SHA1', 'FULL_OBJECT', /The FULL_OBJECT checksum type cannot be used with the sha1 checksum algorithm/],
  ['SHA256', 'FULL_OBJECT', /FULL_OBJECT .* sha256/],
  ['CRC64NVME', 'COMPOSITE', /COMPOSITE .* crc64nvme/],
  ['CRC32', 'HALF', /HALF/],
  ['CRC16', undefined, /unsupported.*\[CRC32, CRC32C, CRC64NVME, SHA1, SHA256\]/],
  ['toString', undefined, /unsupported/],
  [undefined, 'COMPOSITE', /x-amz-checksum-type/],
] as const
for (const [ChecksumAlgorithm, ChecksumType, words] of NEVER) {
  test(`no upload has a checksum of ${ChecksumAlgorithm} that is ${ChecksumType}`, async (t) => {
    const { room } = await shop(t)
    const asked = room.s3.createMultipartUpload({ ...at, ChecksumAlgorithm, ChecksumType })
    await refuses(t, asked, 'InvalidRequest', words)
    t.deepEqual((await room.s3.listMultipartUploads({ Bucket })).Uploads, [])
  })
}

test('parts have the checksum that their upload is to have', async (t) => {
  const { room } = await shop(t)
  const { UploadId } = await room.s3.createMultipartUpload({ ...at, ChecksumAlgorithm: 'SHA256' })
  const part = (given: object) => room.s3.uploadPart({ ...at, UploadId, PartNumber: 1, Body: 'x', ...given })
  const x = Buffer.from('x')
  await refuses(t, part({}), 'InvalidRequest', /expected checksum Type: sha256, actual checksum Type: null/)
  await refuses(t, part({ Checksum: () => sumOf('CRC32', x) }), 'InvalidRequest', /actual checksum Type: crc32/)
  t.deepEqual((await room.s3.listParts({ ...at, UploadId })).Parts, [])
  const Checksum = sumOf('SHA256', x)
  t.like(await part({ Checksum: () => Checksum }), { Checksum })
})

test('where the object is what counts, parts without a checksum get one', async (t) => {
  const { room } = await shop(t)
  const { Parts, complete } = await uploaded(room, { ChecksumAlgorithm: 'CRC64NVME' })
  t.deepEqual(
    Parts.map(({ Checksum }) => Checksum),
    BODIES.map((body) => sumOf('CRC64NVME', body)),
  )
  t.like(await complete(), { Checksum: sumOf('CRC64NVME', LARGE) })
})

test('parts that are copied have the checksum of their upload', async (t) => {
  const { room } = await shop(t)
  await room.s3.putObject({ Bucket, Key: 'source', Body: LARGE })
  const { UploadId } = await room.s3.createMultipartUpload({ ...at, ChecksumAlgorithm: 'SHA256' })
  const part = { ...at, UploadId, PartNumber: 1 }
  const { CopyPartResult } = await room.s3.uploadPartCopy({ ...part, CopySource: `${Bucket}/source` })
  const { ETag, Checksum } = CopyPartResult
  t.deepEqual(Checksum, sumOf('SHA256', LARGE))
  const Parts = [{ PartNumber: 1, ETag, Checksum }]
  const { Checksum: whole } = await room.s3.completeMultipartUpload({ ...at, UploadId, MultipartUpload: { Parts } })
  t.is(whole?.value, `${sumOf('SHA256', digestOf('SHA256', LARGE)).value}-1`)
})

for (const way of ['AES256', 'aws:kms', 'aws:kms:dsse']) {
  test(`a checksum that comes at the end is verified and kept, of what is encrypted by ${way}`, async (t) => {
    const { room } = await shop(t)
    await room.s3.putBucketEncryption({ Bucket, ...encryptedBy(way) })
    const { complete, upload } = await uploaded(room, {})
    await refuses(t, complete({ Checksum: sumOf('CRC32', FIRST) }), 'BadDigest')
    await refuses(t, complete({ Checksum: sumOf('SHA256', LARGE) }), 'InvalidRequest', /FULL_OBJECT .* sha256/)
    t.is((await room.s3.listParts(upload)).Parts.length, 2)
    const Checksum = sumOf('CRC32', LARGE)
    t.like(await complete({ Checksum, ChecksumType: 'FULL_OBJECT' }), { Checksum, ChecksumType: 'FULL_OBJECT' })
    t.like(await room.s3.headObject({ ...at, ChecksumMode: 'ENABLED' }), { Checksum })
  })
}

test('a completion says the same of its upload as the upload, and of its parts as they', async (t) => {
  const { room } = await shop(t)
  const { Parts, complete } = await uploaded(room, { ChecksumAlgorithm: 'CRC32' }, 'CRC32')
  const [one, two] = Parts as [CompletedPart, CompletedPart]
  const listed = (...Parts: object[]) => complete({ MultipartUpload: { Parts } })
  await refuses(t, complete({ ChecksumType: 'FULL_OBJECT' }), 'InvalidRequest', /using the COMPOSITE checksum mode/)
  await refuses(
    t,
    complete({ Checksum: composite('CRC32C') }),
    'InvalidRequest',
    /expected checksum Type: crc32, actual/,
  )
  await refuses(t, complete({ MpuObjectSize: 1 }), 'InvalidRequest', new RegExp(`1 does not match .*: ${LARGE.length}`))
  await refuses(t, listed(one, { ...two, Checksum: undefined }), 'InvalidRequest', /missing for part 2/)
  await refuses(t, listed(one, { ...two, Checksum: one.Checksum }), 'InvalidPart')
  await refuses(t, listed(one, { ...two, Checksum: sumOf('SHA1', Buffer.from('the end')) }), 'InvalidPart')
  t.like(await complete({ ChecksumType: 'COMPOSITE', MpuObjectSize: LARGE.length }), { Checksum: composite('CRC32') })
})

test('without a checksum asked for there is none', async (t) => {
  const { room } = await shop(t)
  const { told, complete } = await uploaded(room, {})
  t.like(told, { ChecksumAlgorithm: undefined, ChecksumType: undefined })
  t.like(await complete(), { Checksum: undefined, ChecksumType: undefined })
})

test('a copy has a checksum of all its bytes, by the algorithm of its source or another', async (t) => {
  const { room } = await shop(t)
  const { complete } = await uploaded(room, { ChecksumAlgorithm: 'CRC32' }, 'CRC32')
  await complete()
  const copied = async (ChecksumAlgorithm?: string) => {
    const copy = { Bucket, Key: 'copy', CopySource: `${Bucket}/${Key}`, ChecksumAlgorithm }
    const { CopyObjectResult } = await room.s3.copyObject(copy)
    t.like(await room.s3.headObject({ Bucket, Key: 'copy', ChecksumMode: 'ENABLED' }), {
      Checksum: CopyObjectResult.Checksum,
      ChecksumType: 'FULL_OBJECT',
    })
    return CopyObjectResult.Checksum
  }
  t.deepEqual(await copied(), sumOf('CRC32', LARGE))
  t.deepEqual(await copied('SHA256'), sumOf('SHA256', LARGE))
  await refuses(t, copied('CRC16'), 'InvalidRequest')
})
