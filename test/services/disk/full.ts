/** Run on a file system of a mebibyte, in the folder named by its argument: fills a larger disk, and tells how it went. */
import { join } from 'node:path'
import { Disk } from '../../../src/services/disk/disk.ts'
import { DiskError } from '../../../src/services/disk/failure.ts'

const MEBIBYTE = 1024 * 1024
const path = join(process.argv[2]!, 'volume')
await Disk.create(path, 8 * MEBIBYTE)
const disk = await Disk.open(
  path,
  Uint8Array.from({ length: 64 }, (_, at) => at),
)
await disk.write(0, Buffer.alloc(1000, 'kept'))
const code = await disk.write(4096, Buffer.alloc(4 * MEBIBYTE, 1)).then(
  () => 'written',
  (error: unknown) => (error instanceof DiskError ? error.code : String(error)),
)
const kept = (await disk.read(0, 1000)).equals(Buffer.alloc(1000, 'kept'))
await disk.write(0, Buffer.from('over what is there'))
await disk.close()
console.log(JSON.stringify({ code, kept }))
