/** A disk that is served, and a client who speaks the protocol byte by byte. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type { Disk } from '../../../src/services/disk/disk.ts'
import { optionReply, pack, REQUEST } from '../../../src/services/ebs/nbd/protocol.ts'
import { serveDisk, type ServedDisk } from '../../../src/services/ebs/nbd/server.ts'
import { Wire } from '../../../src/services/ebs/nbd/wire.ts'
import { disk as scene } from '../disk/scene.ts'

export const MEBIBYTE = 1024 * 1024

export interface Attached {
  readonly served: ServedDisk
  readonly disk: Disk
  readonly folder: string
  /** As nbdinfo and qemu-img are told of it. */
  readonly uri: string
  /** Opens what is on the disk once it is detached. */
  reopen(): Promise<Disk>
  connect(): Promise<Client>
}

export async function attached(t: ExecutionContext, bytes = MEBIBYTE): Promise<Attached> {
  const { disk, folder, reopen } = await scene(t, bytes)
  const served = await serveDisk(disk, 'vol-0123456789abcdef0', join(folder, 'nbd', 'socket'))
  t.teardown(() => served.close())
  const uri = `nbd+unix:///vol-0123456789abcdef0?socket=${served.path}`
  return { served, disk, folder, uri, reopen, connect: () => Client.connect(t, served.path) }
}

export interface Answer {
  readonly type: number
  readonly data: Buffer
}

export interface Reply {
  readonly error: number
  readonly cookie: number
  readonly data: Buffer
}

export interface Wish {
  readonly command: number
  readonly offset?: number | bigint
  readonly length?: number
  readonly flags?: number
  readonly data?: Buffer
  readonly cookie?: number
}

export class Client {
  readonly socket: Socket
  readonly #wire: Wire

  private constructor(socket: Socket) {
    this.socket = socket
    this.#wire = new Wire(socket)
  }

  static async connect(t: ExecutionContext, path: string): Promise<Client> {
    const socket = connect({ path, allowHalfOpen: true })
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    return new Client(socket)
  }

  /** So many bytes; undefined when the server hung up before. */
  take(length: number): Promise<Buffer | undefined> {
    return this.#wire.take(length)
  }

  /** Whether the server says nothing more and has hung up. */
  async isOver(): Promise<boolean> {
    return (await this.take(1)) === undefined
  }

  /** Reads the greeting and answers with flags: fixed newstyle and no zeroes unless said otherwise. */
  async greet(flags = 3): Promise<void> {
    await this.take(18)
    this.socket.write(pack([4, flags]))
  }

  option(option: number, data: Buffer = Buffer.alloc(0), length = data.length): void {
    this.socket.write(Buffer.concat([Buffer.from('IHAVEOPT'), pack([4, option], [4, length]), data]))
  }

  /** The next answer to an option. */
  async answer(option: number): Promise<Answer | undefined> {
    const head = await this.take(20)
    if (!head) return undefined
    const [type, length] = [head.readUInt32BE(12), head.readUInt32BE(16)]
    const data = (await this.take(length))!
    if (!Buffer.concat([head, data]).equals(Buffer.concat(optionReply(option, type, data))))
      throw new Error('no answer')
    return { type, data }
  }

  /** Begins the work in the old way, with simple replies. */
  async begin(): Promise<void> {
    await this.greet()
    this.option(1)
    await this.take(10)
  }

  ask({ command, offset = 0, length, flags = 0, data = Buffer.alloc(0), cookie = 7 }: Wish): void {
    const head = pack([4, REQUEST], [2, flags], [2, command], [8, cookie], [8, offset], [4, length ?? data.length])
    this.socket.write(Buffer.concat([head, data]))
  }

  /** A simple reply, with so many bytes of data; or as many as go with its cookie. */
  async reply(data: number | ((cookie: number) => number) = 0): Promise<Reply | undefined> {
    const head = await this.take(16)
    if (!head) return undefined
    const [error, cookie] = [head.readUInt32BE(4), Number(head.readBigUInt64BE(8))]
    if (head.readUInt32BE() !== 0x67446698) throw new Error('not a simple reply')
    const length = typeof data === 'number' ? data : data(cookie)
    return { error, cookie, data: (await this.take(error === 0 ? length : 0))! }
  }
}
