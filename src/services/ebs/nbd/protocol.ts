/**
 * The words of NBD, the network block device protocol: the numbers it gives things, and messages as bytes.
 * https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
 */

/** `NBDMAGIC`, `IHAVEOPT`: how a server greets, and how each option begins. */
export const GREETING = 0x4e42444d41474943n
export const OPTION = 0x49484156454f5054n
const OPTION_REPLY = 0x3e889045565a9n
export const REQUEST = 0x25609513
const SIMPLE_REPLY = 0x67446698
const CHUNK = 0x668e33ef

/** Flags of the handshake; the client's have the same bits. */
export const FIXED_NEWSTYLE = 1
export const NO_ZEROES = 2

export const OPTIONS = {
  EXPORT_NAME: 1,
  ABORT: 2,
  LIST: 3,
  INFO: 6,
  GO: 7,
  STRUCTURED_REPLY: 8,
  LIST_META_CONTEXT: 9,
  SET_META_CONTEXT: 10,
} as const

/** Answers to an option; those from 2^31 on are refusals. */
export const ANSWERS = {
  ACK: 1,
  SERVER: 2,
  INFO: 3,
  META_CONTEXT: 4,
  UNSUPPORTED: 0x80000001,
  INVALID: 0x80000003,
  UNKNOWN: 0x80000006,
  SHUTDOWN: 0x80000007,
} as const

export const INFOS = { EXPORT: 0, NAME: 1, BLOCK_SIZE: 3 } as const

/** What an export can do: flags, flush, FUA, trim, zeroes, reads in one piece, many connections. */
export const CAPABILITIES = 1 | (1 << 2) | (1 << 3) | (1 << 5) | (1 << 6) | (1 << 8)
export const CAPABLE_OF_WHOLE_READS = 1 << 7

/** What to make of a command. */
export const FLAGS = { FUA: 1, NO_HOLE: 2, DO_NOT_FRAGMENT: 4, ONE_EXTENT: 8 } as const

export const COMMANDS = {
  READ: 0,
  WRITE: 1,
  DISCONNECT: 2,
  FLUSH: 3,
  TRIM: 4,
  WRITE_ZEROES: 6,
  BLOCK_STATUS: 7,
} as const

export const ERRORS = { EIO: 5, EINVAL: 22, ENOSPC: 28, ESHUTDOWN: 108 } as const
export type NbdError = keyof typeof ERRORS

/** The one context of metadata there is: which parts are holes that read as zeroes. */
export const ALLOCATION = 'base:allocation'
export const ALLOCATION_ID = 1
const HOLE_OF_ZEROES = 3

/** The smallest, the best and the largest that a request may be. */
export const BLOCK = { least: 1, best: 4096, most: 32 * 1024 * 1024 } as const

export const REQUEST_LENGTH = 28
export const OPTION_LENGTH = 16

/** A client's request, without what follows it. */
export interface Request {
  readonly flags: number
  readonly command: number
  /** The client's name for it, which the reply repeats. */
  readonly cookie: bigint
  readonly offset: bigint
  readonly length: number
}

/** A request read; undefined when these are no bytes of one. */
export function requestOf(bytes: Buffer): Request | undefined {
  if (bytes.readUInt32BE(0) !== REQUEST) return undefined
  return {
    flags: bytes.readUInt16BE(4),
    command: bytes.readUInt16BE(6),
    cookie: bytes.readBigUInt64BE(8),
    offset: bytes.readBigUInt64BE(16),
    length: bytes.readUInt32BE(24),
  }
}

/** Big-endian fields in a row: `[bytes, value]`. */
export function pack(...fields: readonly (readonly [2 | 4 | 8, number | bigint])[]): Buffer {
  const bytes = Buffer.alloc(fields.reduce((sum, [width]) => sum + width, 0))
  let at = 0
  for (const [width, value] of fields) {
    if (width === 8) bytes.writeBigUInt64BE(BigInt(value), at)
    else bytes.writeUIntBE(Number(value), at, width)
    at += width
  }
  return bytes
}

export function optionReply(option: number, answer: number, data: Buffer = Buffer.alloc(0)): Buffer[] {
  return [pack([8, OPTION_REPLY], [4, option], [4, answer], [4, data.length]), data]
}

export function simpleReply(cookie: bigint, error: number, data?: Buffer): Buffer[] {
  const head = pack([4, SIMPLE_REPLY], [4, error], [8, cookie])
  return data ? [head, data] : [head]
}

/** Replies that say how long they are, one chunk each, which is the last. */
export const chunk = {
  none: (cookie: bigint): Buffer[] => [chunkHead(0, cookie, 0)],
  data: (cookie: bigint, offset: bigint, data: Buffer): Buffer[] => [
    chunkHead(1, cookie, 8 + data.length),
    pack([8, offset]),
    data,
  ],
  status: (cookie: bigint, extents: readonly { length: number; written: boolean }[]): Buffer[] => [
    chunkHead(5, cookie, 4 + 8 * extents.length),
    pack([4, ALLOCATION_ID]),
    ...extents.map(({ length, written }) => pack([4, length], [4, written ? 0 : HOLE_OF_ZEROES])),
  ],
  error: (cookie: bigint, error: number): Buffer[] => [chunkHead(0x8001, cookie, 6), pack([4, error], [2, 0])],
}

function chunkHead(type: number, cookie: bigint, length: number): Buffer {
  const DONE = 1
  return pack([4, CHUNK], [2, DONE], [2, type], [8, cookie], [4, length])
}
