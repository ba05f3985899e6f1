/** A disk served by a process of its own, which may have few files open: `node crowded.ts FOLDER`. */
import { join } from 'node:path'
import { Disk } from '../../src/services/disk/disk.ts'
import { serveDisk } from '../../src/services/ebs/nbd/server.ts'

const [folder = ''] = process.argv.slice(2)
const path = join(folder, 'disk')
await Disk.create(path, 1024 * 1024)
const disk = await Disk.open(path, crypto.getRandomValues(new Uint8Array(64)))
const served = await serveDisk(disk, 'vol-0123456789abcdef0', join(folder, 'socket'))
console.log(served.path)
