/** A disk served over NBD on a unix socket, for its owner alone: what attaching a volume gives, and detaching takes. */
import { once } from 'node:events'
import { chmod, mkdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { DiskError } from '../../disk/failure.ts'
import { negotiate } from './handshake.ts'
import { transmit, type AnyDisk } from './transmission.ts'
import { Wire } from './wire.ts'

/** The address of a socket has so much room for its path. */
const LONGEST_PATH = 107

export interface ServedDisk {
  /** Where it listens. */
  readonly path: string
  /** Refuses what comes from now on, finishes what is under way, flushes, and closes the disk: its key is wiped. */
  close(): Promise<void>
}

/** Serves `disk`, which it closes at the end, as the export `name`. A socket that a crash left at `path` is replaced. */
export async function serveDisk(disk: AnyDisk, name: string, path: string): Promise<ServedDisk> {
  if (Buffer.byteLength(path) > LONGEST_PATH) {
    throw new DiskError('EINVAL', `the path of a socket has at most ${LONGEST_PATH} bytes: ${path}`)
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await rm(path, { force: true })
  const wires = new Set<Wire>()
  // A client may say its last word first: its replies are still sent.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const wire = new Wire(socket)
    wires.add(wire)
    const forget = () => wires.delete(wire)
    // A bug of ours ends one connection, not the process.
    void converse(wire, disk, name).then(forget, forget)
  })
  server.listen(path)
  await once(server, 'listening')
  // Failures to accept, for want of file descriptors say, concern a client and not the process.
  server.on('error', () => undefined)
  await chmod(path, 0o600)

  const close = async () => {
    server.close()
    try {
      await disk.close()
    } finally {
      for (const wire of wires) wire.end()
    }
  }
  let closing: Promise<void> | undefined
  return { path, close: () => (closing ??= close()) }
}

async function converse(wire: Wire, disk: AnyDisk, name: string): Promise<void> {
  try {
    const terms = await negotiate(wire, { name, size: disk.size })
    if (terms) await transmit(wire, disk, terms)
  } finally {
    wire.end()
  }
}
