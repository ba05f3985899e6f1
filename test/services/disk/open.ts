/**
 * Opens the disk at the path of its argument under a random key, uses it, and stays until it is killed. It prints the key,
 * masked, so that nobody but the cipher has it.
 */
import { randomFillSync } from 'node:crypto'
import { Disk } from '../../../src/services/disk/disk.ts'

const path = process.argv[2]!
const key = randomFillSync(Buffer.alloc(64))
const masked = Buffer.from(key.map((byte) => byte ^ 0xa5)).toString('hex')
await Disk.create(path, 64 * 4096)
const disk = await Disk.open(path, key)
await disk.write(100, Buffer.from('a canary that is written'))
await disk.read(0, 64 * 4096)
console.log(JSON.stringify({ masked }))
process.stdin.resume()
