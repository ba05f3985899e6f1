/** The work: requests are done as they come, many at once, and answered as they are done. */
import { DiskError } from '../../disk/failure.ts'
import type { Disk } from '../../disk/disk.ts'
import type { Terms } from './handshake.ts'
import {
  BLOCK,
  chunk,
  COMMANDS,
  ERRORS,
  FLAGS,
  REQUEST_LENGTH,
  requestOf,
  simpleReply,
  type NbdError,
  type Request,
} from './protocol.ts'
import type { Wire } from './wire.ts'

/** How many bytes may be under way for one connection, until their replies are sent. */
const ROOM = 2 * BLOCK.most
/** What a request takes of that beside its data. */
const OVERHEAD = 4096

/** A disk, or what stands before one. */
export type AnyDisk = Pick<Disk, keyof Disk>

/** A request with its place on the disk, and what came with it. */
interface Job {
  readonly request: Request
  readonly offset: number
  readonly length: number
  readonly flags: number
  readonly data: Buffer
  readonly terms: Terms
  readonly disk: AnyDisk
}

interface Command {
  /** The flags it takes; FUA goes with everything. */
  readonly flags: number
  /** What it is refused with where it leaves the disk. */
  readonly outside: NbdError
  /** Whether `length` is the length of what comes or goes over the wire. */
  readonly carries?: 'request' | 'reply'
  /** Gives the reply, where it is more than "done". */
  readonly act: (job: Job) => Promise<Buffer[] | undefined>
}

const DOES = new Map<number, Command>([
  [COMMANDS.READ, { flags: FLAGS.DO_NOT_FRAGMENT, outside: 'EINVAL', carries: 'reply', act: read }],
  [COMMANDS.WRITE, { flags: 0, outside: 'ENOSPC', carries: 'request', act: write }],
  [COMMANDS.FLUSH, { flags: 0, outside: 'EINVAL', act: flush }],
  [COMMANDS.TRIM, { flags: 0, outside: 'EINVAL', act: trim }],
  [COMMANDS.WRITE_ZEROES, { flags: FLAGS.NO_HOLE, outside: 'ENOSPC', act: writeZeroes }],
  [COMMANDS.BLOCK_STATUS, { flags: FLAGS.ONE_EXTENT, outside: 'EINVAL', act: status }],
])

/** Serves until the client leaves or breaks the protocol; resolves when all it asked for is done and answered. */
export async function transmit(wire: Wire, disk: AnyDisk, terms: Terms): Promise<void> {
  const room = new Room()
  for (;;) {
    const head = await wire.take(REQUEST_LENGTH)
    const request = head && requestOf(head)
    if (!request || request.command === COMMANDS.DISCONNECT) break
    const command = DOES.get(request.command)
    const coming = command?.carries === 'request' ? request.length : 0
    // What is longer than the client was told cannot be skipped at a fair price.
    if (coming > BLOCK.most) break
    const going = command?.carries === 'reply' ? Math.min(request.length, BLOCK.most) : 0
    await room.for(OVERHEAD + coming + going)
    const data = await wire.take(coming)
    if (!data) break
    void room.take(OVERHEAD + coming + going, answer(wire, { request, command, data, disk, terms }))
  }
  await room.empty()
}

interface Received extends Pick<Job, 'request' | 'data' | 'disk' | 'terms'> {
  readonly command: Command | undefined
}

async function answer(wire: Wire, received: Received): Promise<void> {
  const { request, terms } = received
  await wire.send(await perform(received).catch((error: unknown) => refusal(request, terms, nameOf(error))))
}

async function perform({ request, command, ...given }: Received): Promise<Buffer[]> {
  const { disk, terms } = given
  const fault = command ? faultOf(request, command, disk) : 'EINVAL'
  if (!command || fault) return refusal(request, terms, fault)
  const job = { ...given, request, offset: Number(request.offset), length: request.length, flags: request.flags }
  const reply = await command.act(job)
  if (request.flags & FLAGS.FUA) await disk.flush()
  return reply ?? simpleReply(request.cookie, 0)
}

/** What is wrong with a request before anything is done. */
function faultOf({ flags, offset, length }: Request, command: Command, disk: AnyDisk): NbdError | undefined {
  if (flags & ~(command.flags | FLAGS.FUA)) return 'EINVAL'
  if (command.carries && length > BLOCK.most) return 'EINVAL'
  return offset + BigInt(length) > BigInt(disk.size) ? command.outside : undefined
}

/** A read that was to be structured is refused so; everything else may be refused simply. */
function refusal({ command, cookie }: Request, { structured }: Terms, error: NbdError = 'EIO'): Buffer[] {
  const asks = command === COMMANDS.READ || command === COMMANDS.BLOCK_STATUS
  return structured && asks ? chunk.error(cookie, ERRORS[error]) : simpleReply(cookie, ERRORS[error])
}

function nameOf(error: unknown): NbdError {
  return error instanceof DiskError ? error.code : 'EIO'
}

async function read({ disk, offset, length, request: { cookie, offset: place }, terms }: Job): Promise<Buffer[]> {
  const data = await disk.read(offset, length)
  if (!terms.structured) return simpleReply(cookie, 0, data)
  return length === 0 ? chunk.none(cookie) : chunk.data(cookie, place, data)
}

async function write({ disk, offset, data }: Job): Promise<undefined> {
  await disk.write(offset, data)
}

async function flush({ disk }: Job): Promise<undefined> {
  await disk.flush()
}

async function trim({ disk, offset, length }: Job): Promise<undefined> {
  await disk.discard(offset, length)
}

async function writeZeroes({ disk, offset, length, flags }: Job): Promise<undefined> {
  await (flags & FLAGS.NO_HOLE ? disk.zero(offset, length) : disk.discard(offset, length))
}

async function status({ disk, offset, length, flags, request: { cookie }, terms }: Job): Promise<Buffer[]> {
  if (!terms.allocation || length === 0) throw new DiskError('EINVAL', 'no extents can be told')
  const extents = await disk.extents(offset, length)
  return chunk.status(cookie, flags & FLAGS.ONE_EXTENT ? extents.slice(0, 1) : extents)
}

/** Keeps a client from having more under way than is good for it; one request always may. */
class Room {
  readonly #jobs = new Set<Promise<void>>()
  #taken = 0

  async for(bytes: number): Promise<void> {
    while (this.#jobs.size > 0 && this.#taken + bytes > ROOM) await Promise.race(this.#jobs)
  }

  async take(bytes: number, job: Promise<void>): Promise<void> {
    this.#taken += bytes
    this.#jobs.add(job)
    try {
      await job
    } finally {
      this.#taken -= bytes
      this.#jobs.delete(job)
    }
  }

  async empty(): Promise<void> {
    await Promise.all(this.#jobs)
  }
}
