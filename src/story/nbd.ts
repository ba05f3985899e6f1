/**
 * As much of an NBD client as it takes to write to an attached volume and read from it (protocol: NetworkBlockDevice/nbd,
 * doc/proto.md). One request at a time.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const OPTION_MAGIC = 0x49484156454f5054n // IHAVEOPT
const EXPORT_NAME = 1
const REQUEST_MAGIC = 0x25609513
const REPLY_HEADER = 16
const READ = 0
const WRITE = 1
const DISCONNECT = 2
/** Both sides leave out what old clients wanted after the size of the export. */
const FIXED_NEWSTYLE_NO_ZEROES = 3

export class NbdClient {
  readonly #socket: Socket
  readonly #waiting: Buffer[] = []
  #length = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (data: Buffer) => {
      this.#waiting.push(data)
      this.#length += data.length
      socket.emit('more')
    })
    socket.on('close', () => socket.emit('more'))
    // Whoever waits for an answer hears of it; there is nobody else to tell.
    socket.on('error', () => undefined)
  }

  /** Connects to `nbd+unix:///export?socket=path`. */
  static async open(uri: string): Promise<NbdClient> {
    const { pathname, searchParams } = new URL(uri)
    const socket = connect(searchParams.get('socket')!)
    await once(socket, 'connect')
    const client = new NbdClient(socket)
    await client.#take(18)
    const name = Buffer.from(decodeURIComponent(pathname.slice(1)))
    const hello = Buffer.alloc(20)
    hello.writeUInt32BE(FIXED_NEWSTYLE_NO_ZEROES, 0)
    hello.writeBigUInt64BE(OPTION_MAGIC, 4)
    hello.writeUInt32BE(EXPORT_NAME, 12)
    hello.writeUInt32BE(name.length, 16)
    socket.write(Buffer.concat([hello, name]))
    await client.#take(10)
    return client
  }

  async read(offset: number, length: number): Promise<Buffer> {
    this.#request(READ, offset, length)
    await this.#reply()
    return this.#take(length)
  }

  async write(offset: number, data: Buffer): Promise<void> {
    this.#request(WRITE, offset, data.length)
    this.#socket.write(data)
    await this.#reply()
  }

  async close(): Promise<void> {
    this.#request(DISCONNECT, 0, 0)
    this.#socket.end()
    if (!this.#socket.closed) await once(this.#socket, 'close')
  }

  #request(type: number, offset: number, length: number): void {
    const header = Buffer.alloc(28)
    header.writeUInt32BE(REQUEST_MAGIC, 0)
    header.writeUInt16BE(type, 6)
    header.writeBigUInt64BE(BigInt(offset), 16)
    header.writeUInt32BE(length, 24)
    this.#socket.write(header)
  }

  async #reply(): Promise<void> {
    const error = (await this.#take(REPLY_HEADER)).readUInt32BE(4)
    if (error !== 0) throw new Error(`the volume answers with error ${error}`)
  }

  /** The next `length` bytes that come. */
  async #take(length: number): Promise<Buffer> {
    while (this.#length < length) {
      if (this.#socket.closed) throw new Error('the volume hung up')
      await once(this.#socket, 'more')
    }
    const all = Buffer.concat(this.#waiting)
    this.#waiting.splice(0, Infinity, all.subarray(length))
    this.#length = all.length - length
    return all.subarray(0, length)
  }
}
