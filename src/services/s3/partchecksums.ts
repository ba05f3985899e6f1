/**
 * Checksums of objects that come in parts: of all their bytes, or composed of the checksums of their parts. Which of the two an
 * algorithm may be stands in S3's user guide, "Checking object integrity".
 */
import { fail } from '../../errors.ts'
import { fromBase64, toBase64 } from '../../model/json.ts'
import { CHECKSUMS } from './checksums.ts'
import { combined, type Summed } from './combining.ts'
import type { Part, StoredObject, Upload } from './records.ts'
import type { ChecksumShown, ChecksumType, CompletedPart, CompleteMultipartUploadRequest } from './shapes.ts'

/** What is to be checked of the parts that come, and of the object in the end; nothing unless it is asked for. */
export function checksumWanted(
  algorithm: string | undefined,
  type: string | undefined,
): Pick<Upload, 'checksumAlgorithm' | 'checksumType'> {
  if (algorithm === undefined && type !== undefined)
    fail('InvalidRequest', 'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.')
  if (algorithm === undefined) return {}
  requireAlgorithm(algorithm)
  const checksumType = type ?? (mayBeComposed(algorithm) ? 'COMPOSITE' : 'FULL_OBJECT')
  requireType(algorithm, checksumType)
  return { checksumAlgorithm: algorithm, checksumType }
}

export function requireAlgorithm(algorithm: string): void {
  if (!Object.hasOwn(CHECKSUMS, algorithm))
    fail(
      'InvalidRequest',
      `Checksum algorithm provided is unsupported. Please try again with any of the valid types: [${Object.keys(CHECKSUMS).join(', ')}]`,
    )
}

function requireType(algorithm: string, type: string): asserts type is ChecksumType {
  if (type === 'COMPOSITE' ? mayBeComposed(algorithm) : type === 'FULL_OBJECT' && CHECKSUMS[algorithm]!.crc) return
  fail(
    'InvalidRequest',
    `The ${type} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
  )
}

const mayBeComposed = (algorithm: string): boolean => algorithm !== 'CRC64NVME'

/** Of what is composed each part has to come with its own. */
export function requireChecksum({ checksumAlgorithm, checksumType }: Upload, given: unknown): void {
  if (checksumType === 'COMPOSITE' && given === undefined) mismatched(checksumAlgorithm!, 'null')
}

/** Throws for a part in the list of a completion that does not say of its checksum what it has to. */
export function requireListed(
  { checksumAlgorithm, checksumType }: Upload,
  { PartNumber, Checksum }: CompletedPart,
): void {
  if (checksumType === 'COMPOSITE' && !Checksum)
    fail(
      'InvalidRequest',
      `The upload was created using a ${checksumAlgorithm!.toLowerCase()} checksum. The complete request must include the checksum for each part. It was missing for part ${PartNumber} in the request.`,
    )
}

/** The checksum of the object that `parts` become; `read` is asked for its bytes only where it takes them. */
export async function checksumOfParts(
  { checksumAlgorithm, checksumType: type = 'FULL_OBJECT' }: Upload,
  parts: readonly Part[],
  { Checksum: given, ChecksumType: typeGiven }: CompleteMultipartUploadRequest,
  read: () => Promise<AsyncIterable<Uint8Array>>,
): Promise<Pick<StoredObject, 'checksum' | 'checksumType'>> {
  if (typeGiven !== undefined && typeGiven !== type)
    fail(
      'InvalidRequest',
      `The upload was created using the ${type} checksum mode. The complete request must use the same checksum mode.`,
    )
  const algorithm = checksumAlgorithm ?? given?.algorithm
  if (algorithm === undefined) return {}
  if (given && given.algorithm !== algorithm) mismatched(algorithm, given.algorithm)
  requireAlgorithm(algorithm)
  requireType(algorithm, type)
  const value = type === 'COMPOSITE' ? composed(algorithm, parts) : await whole(algorithm, parts, read)
  // How many parts there are does not have to be said.
  if (given && ![value, value.replace(/-\d+$/, '')].includes(given.value))
    fail('BadDigest', `The ${algorithm} you specified did not match the calculated checksum.`)
  return { checksum: { algorithm, value }, checksumType: type }
}

function composed(algorithm: string, parts: readonly Part[]): string {
  const digest = CHECKSUMS[algorithm]!.start()
  for (const { checksum } of parts) digest.update(fromBase64(checksum!.value)!)
  return `${toBase64(digest.digest())}-${parts.length}`
}

async function whole(
  algorithm: string,
  parts: readonly Part[],
  read: () => Promise<AsyncIterable<Uint8Array>>,
): Promise<string> {
  const { crc, start } = CHECKSUMS[algorithm]!
  const summed = parts.flatMap((part) => summedBy(algorithm, part))
  if (crc && summed.length === parts.length) return toBase64(combined(crc, summed))
  const digest = start()
  for await (const bytes of await read()) digest.update(bytes)
  return toBase64(digest.digest())
}

function summedBy(algorithm: string, { checksum, size }: Part): Summed[] {
  return checksum?.algorithm === algorithm ? [{ value: fromBase64(checksum.value)!, size }] : []
}

export function mismatched(expected: string, actual: string): never {
  fail(
    'InvalidRequest',
    `Checksum Type mismatch occurred, expected checksum Type: ${expected.toLowerCase()}, actual checksum Type: ${actual.toLowerCase()}`,
  )
}

/** As answers tell it; a checksum of which nothing else is said is of all bytes. */
export function shownChecksum({
  checksum,
  checksumType = 'FULL_OBJECT',
}: Pick<StoredObject, 'checksum' | 'checksumType'>): ChecksumShown {
  return checksum ? { Checksum: checksum, ChecksumType: checksumType } : {}
}
