/** Requests one by one and many at once: what is done, what is refused by number, and how a disk is let go. */
import test from 'ava'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { COMMANDS, ERRORS, pack, REQUEST, type NbdError } from '../../../src/services/ebs/nbd/protocol.ts'
import { serveDisk } from '../../../src/services/ebs/nbd/server.ts'
import { seeded } from '../../helpers/random.ts'
import { disk as scene } from '../disk/scene.ts'
import { attached, MEBIBYTE, type Reply, type Wish } from './scene.ts'

const { READ, WRITE, DISCONNECT, FLUSH, TRIM, WRITE_ZEROES, BLOCK_STATUS } = COMMANDS

const refused = test.macro({
  title: (_, error: NbdError, what: string) => `${error}: ${what}; the next request is heard`,
  async exec(t, error: NbdError, _what: string, wish: Wish) {
    const client = await (await attached(t)).connect()
    await client.begin()
    client.ask({ ...wish, cookie: 41 })
    t.like(await client.reply(), { error: ERRORS[error], cookie: 41 })
    client.ask({ command: READ, offset: 10, length: 3, cookie: 42 })
    t.deepEqual(await client.reply(3), { error: 0, cookie: 42, data: Buffer.alloc(3) })
  },
})

test(refused, 'EINVAL', 'a read past the end', { command: READ, offset: MEBIBYTE - 1, length: 2 })
test(refused, 'EINVAL', 'a read far past any end', { command: READ, offset: 2n ** 64n - 1n, length: 2 })
test(refused, 'EINVAL', 'a read of more than it was told', { command: READ, length: 32 * MEBIBYTE + 1 })
test(refused, 'ENOSPC', 'a write past the end', { command: WRITE, offset: MEBIBYTE - 1, data: Buffer.alloc(2) })
test(refused, 'ENOSPC', 'zeroes past the end', { command: WRITE_ZEROES, offset: 1, length: MEBIBYTE })
test(refused, 'EINVAL', 'a trim past the end', { command: TRIM, length: MEBIBYTE + 1 })
test(refused, 'EINVAL', 'a command that nobody knows', { command: 4711 })
test(refused, 'EINVAL', 'a flag of another command', { command: WRITE, flags: 2, data: Buffer.alloc(4096) })
test(refused, 'EINVAL', 'fast zeroes, which were not offered', { command: WRITE_ZEROES, flags: 16, length: 1 })
test(refused, 'EINVAL', 'extents that were not agreed on', { command: BLOCK_STATUS, length: 4096 })

test('what breaks the protocol ends the connection, and no other', async (t) => {
  const { connect } = await attached(t)
  for (const broken of [
    { command: WRITE, length: 32 * MEBIBYTE + 1 },
    { command: WRITE, length: 100, data: Buffer.alloc(4) },
  ]) {
    const client = await connect()
    await client.begin()
    client.ask(broken)
    client.socket.end()
    t.true(await client.isOver())
  }
  const client = await connect()
  await client.begin()
  client.socket.write(Buffer.alloc(28, 'no request'))
  t.true(await client.isOver())
  await (await connect()).begin()
})

test('each command does what it says, at once for all connections', async (t) => {
  const { connect, disk } = await attached(t)
  const [one, other] = [await connect(), await connect()]
  await Promise.all([one.begin(), other.begin()])
  const done = async (wish: Wish) => {
    one.ask(wish)
    t.is((await one.reply())?.error, 0)
  }
  const sees = async (offset: number, expected: Buffer) => {
    other.ask({ command: READ, offset, length: expected.length })
    t.deepEqual((await other.reply(expected.length))?.data, expected)
  }
  await done({ command: WRITE, offset: 5, data: Buffer.alloc(3 * 4096, 8), flags: 1 })
  await sees(4, Buffer.from([0, 8]))
  await done({ command: WRITE_ZEROES, offset: 6, length: 4, flags: 2 })
  await sees(5, Buffer.from([8, 0, 0, 0, 0, 8]))
  await done({ command: WRITE_ZEROES, offset: 4096, length: 4096 })
  await sees(4095, Buffer.from([8, 0]))
  await done({ command: TRIM, offset: 8192, length: 4096 })
  await done({ command: FLUSH })
  t.deepEqual(
    (await disk.extents(0, 4 * 4096)).map(({ written }) => written),
    [true, false, true],
  )
})

test('writes to one place without waiting for replies end as the last of them', async (t) => {
  const { connect, disk } = await attached(t)
  const client = await connect()
  await client.begin()
  for (let turn = 1; turn <= 200; turn++) {
    client.ask({ command: WRITE, offset: 4090, data: Buffer.alloc(100, turn), cookie: turn })
  }
  const cookies = new Set<number>()
  for (let turn = 1; turn <= 200; turn++) cookies.add((await client.reply())!.cookie)
  t.is(cookies.size, 200)
  t.deepEqual(await disk.read(4090, 100), Buffer.alloc(100, 200))
})

test('a client who says goodbye behind its requests gets every reply', async (t) => {
  const client = await (await attached(t)).connect()
  await client.begin()
  for (let turn = 1; turn <= 20; turn++) client.ask({ command: WRITE, data: Buffer.alloc(8192, turn), cookie: turn })
  client.ask({ command: DISCONNECT })
  client.socket.end()
  for (let turn = 1; turn <= 20; turn++) t.is((await client.reply())?.error, 0)
  t.true(await client.isOver())
})

test('detaching finishes what is under way, refuses the rest, and leaves no socket', async (t) => {
  const { connect, served, disk, reopen } = await attached(t, 64 * MEBIBYTE)
  const [busy, idle] = [await connect(), await connect()]
  await Promise.all([busy.begin(), idle.begin()])
  busy.ask({ command: WRITE, data: Buffer.alloc(16 * MEBIBYTE, 9), cookie: 1 })
  busy.ask({ command: READ, length: 4, cookie: 2 })
  busy.ask({ command: FLUSH, cookie: 3 })
  // Requests are heard in order: whoever has the reply to the last knows that all three are under way.
  const replies = new Map<number, Reply>()
  const next = async () => {
    const reply = await busy.reply((cookie) => (cookie === 2 ? 4 : 0))
    if (reply) replies.set(reply.cookie, reply)
  }
  while (!replies.has(3)) await next()
  await Promise.all([served.close(), served.close()])
  while (replies.size < 3) await next()
  t.deepEqual(
    [...replies.values()].map(({ error }) => error),
    [0, 0, 0],
  )
  t.deepEqual(replies.get(2)?.data, Buffer.alloc(4, 9))
  busy.ask({ command: READ, length: 4, cookie: 4 })
  const late = await busy.reply(4).catch(() => undefined)
  t.true(late === undefined || late.error === ERRORS.ESHUTDOWN)
  t.true(await idle.isOver())
  await t.throwsAsync(() => stat(served.path), { code: 'ENOENT' })
  await t.throwsAsync(() => disk.read(0, 1), { message: 'the volume is closed' })
  t.deepEqual(await (await reopen()).read(16 * MEBIBYTE - 2, 4), Buffer.from([9, 9, 0, 0]))
})

test('a disk that closes underneath is ESHUTDOWN to its clients', async (t) => {
  const { connect, disk } = await attached(t)
  const client = await connect()
  await client.begin()
  await disk.close()
  client.ask({ command: READ, length: 4 })
  t.is((await client.reply())?.error, ERRORS.ESHUTDOWN)
})

test('the socket is its owner’s alone, in a folder of its owner’s alone; one that a crash left is replaced', async (t) => {
  const { served, folder } = await attached(t)
  t.is((await stat(served.path)).mode & 0o777, 0o600)
  t.is((await stat(join(folder, 'nbd'))).mode & 0o777, 0o700)
  const { disk } = await scene(t, MEBIBYTE)
  const again = await serveDisk(disk, 'vol-2', served.path)
  t.teardown(() => again.close())
  t.is(again.path, served.path)
})

test('a path that no socket can have is refused before anything is made', async (t) => {
  const { disk, folder } = await scene(t, MEBIBYTE)
  const path = join(folder, 'x'.repeat(100), 'socket')
  await t.throwsAsync(() => serveDisk(disk, 'vol-1', path), { message: /^the path of a socket has at most 107 bytes/ })
  await t.throwsAsync(() => stat(join(folder, 'x'.repeat(100))), { code: 'ENOENT' })
})

test('a client that asks for much and reads nothing holds up nobody, and no detaching', async (t) => {
  const { connect, disk, served } = await attached(t, 64 * MEBIBYTE)
  await disk.write(0, Buffer.alloc(MEBIBYTE, 4))
  const [greedy, modest] = [await connect(), await connect()]
  await Promise.all([greedy.begin(), modest.begin()])
  for (let turn = 0; turn < 40; turn++) greedy.ask({ command: READ, length: 8 * MEBIBYTE })
  modest.ask({ command: READ, length: 2 })
  t.deepEqual((await modest.reply(2))?.data, Buffer.from([4, 4]))
  await served.close()
  t.true(await modest.isOver())
})

test('whatever is sent, the server serves on, and the disk keeps what it has', async (t) => {
  const { connect, disk } = await attached(t)
  await disk.write(0, Buffer.alloc(100, 5))
  const random = seeded(11)
  for (let turn = 0; turn < 150; turn++) {
    const client = await connect()
    const phase = random.below(3)
    if (phase === 1) await client.greet()
    if (phase === 2) await client.begin()
    // The beginnings of honest messages get further than noise does.
    const opening = [Buffer.alloc(0), Buffer.from('IHAVEOPT'), pack([4, REQUEST], [2, 0], [2, BLOCK_STATUS])]
    const numbers = Array.from({ length: 8 }, () => [4, random.below(40)] as const)
    client.socket.end(Buffer.concat([opening[random.below(3)]!, pack(...numbers), random.bytes(random.below(200))]))
    while (!(await client.isOver()));
  }
  const client = await connect()
  await client.begin()
  client.ask({ command: READ, length: 100 })
  t.deepEqual((await client.reply(100))?.data, Buffer.alloc(100, 5))
})
