/** How the server comes to terms with clients: what it agrees to, what it refuses, and when it hangs up. */
import test from 'ava'
import { ANSWERS, OPTIONS, pack } from '../../../src/services/ebs/nbd/protocol.ts'
import { attached, type Client } from './scene.ts'

const NAME = Buffer.from('vol-0123456789abcdef0')

/** A name with its length, and what follows it. */
const named = (name: Buffer, ...rest: Buffer[]): Buffer => Buffer.concat([pack([4, name.length]), name, ...rest])
const NO_PARTICULARS = pack([2, 0])
const query = (...texts: string[]): Buffer =>
  Buffer.concat([pack([4, texts.length]), ...texts.map((text) => named(Buffer.from(text)))])

const refused = test.macro({
  title: (_, answer: keyof typeof ANSWERS, what: string) => `${answer}: ${what}; the next option is heard`,
  async exec(t, answer: keyof typeof ANSWERS, _what: string, option: number, data?: Buffer) {
    const client = await (await attached(t)).connect()
    await client.greet()
    client.option(option, data)
    t.is((await client.answer(option))?.type, ANSWERS[answer])
    client.option(OPTIONS.GO, named(NAME, NO_PARTICULARS))
    t.is((await client.answer(OPTIONS.GO))?.type, ANSWERS.INFO)
  },
})

test(refused, 'UNSUPPORTED', 'an option that nobody knows', 4711, Buffer.from('data that is skipped'))
test(refused, 'UNSUPPORTED', 'TLS', 5)
test(refused, 'INVALID', 'a list of something', OPTIONS.LIST, Buffer.from('x'))
test(refused, 'INVALID', 'structured replies with data', OPTIONS.STRUCTURED_REPLY, Buffer.from('x'))
test(refused, 'UNKNOWN', 'to go for another export', OPTIONS.GO, named(Buffer.from('vol-2'), NO_PARTICULARS))
test(refused, 'UNKNOWN', 'information on another export', OPTIONS.INFO, named(Buffer.from('vol-2'), NO_PARTICULARS))
test(refused, 'INVALID', 'to go without a name', OPTIONS.GO)
test(refused, 'INVALID', 'a name longer than the option', OPTIONS.GO, Buffer.concat([pack([4, 2 ** 32 - 1]), NAME]))
test(refused, 'INVALID', 'fewer particulars than counted', OPTIONS.GO, named(NAME, pack([2, 2], [2, 0])))
test(refused, 'INVALID', 'metadata before structured replies', OPTIONS.SET_META_CONTEXT, named(NAME, query()))

const hangsUp = test.macro({
  title: (_, why: string) => `it hangs up on ${why}`,
  async exec(t, _why: string, act: (client: Client) => void, flags?: number) {
    const { connect } = await attached(t)
    const client = await connect()
    await client.greet(flags)
    act(client)
    t.true(await client.isOver())
    await (await connect()).begin()
  },
})

test(hangsUp, 'flags it never offered', () => {}, 4)
test(hangsUp, 'what is no option', (client) => client.socket.write(Buffer.alloc(16, 'HTTP/1.1')))
test(hangsUp, 'an option without end', (client) => client.option(OPTIONS.GO, NAME, 2 ** 32 - 1))
test(hangsUp, 'another export, asked for in the old way', (client) => client.option(1, Buffer.from('vol-2')))
test(hangsUp, 'a client that says half an option and leaves', (client) => client.socket.end('IHAVE'))

test('a client that aborts is let go with a word', async (t) => {
  const client = await (await attached(t)).connect()
  await client.greet()
  client.option(OPTIONS.ABORT)
  t.is((await client.answer(OPTIONS.ABORT))?.type, ANSWERS.ACK)
  t.true(await client.isOver())
})

test('the oldest way to begin ends with 124 zeroes, and works', async (t) => {
  const client = await (await attached(t)).connect()
  await client.greet(0)
  client.option(OPTIONS.EXPORT_NAME, NAME)
  const told = (await client.take(10 + 124))!
  t.is(told.readBigUInt64BE(), 1024n * 1024n)
  t.deepEqual(told.subarray(10), Buffer.alloc(124))
  client.ask({ command: 0, length: 4 })
  t.deepEqual((await client.reply(4))?.data, Buffer.alloc(4))
})

test('the one context of metadata is found by name, by its family, and by asking for all; no other is', async (t) => {
  const client = await (await attached(t)).connect()
  await client.greet()
  client.option(OPTIONS.STRUCTURED_REPLY)
  t.is((await client.answer(OPTIONS.STRUCTURED_REPLY))?.type, ANSWERS.ACK)
  const found = async (option: number, ...texts: string[]) => {
    client.option(option, named(NAME, query(...texts)))
    const contexts: string[] = []
    for (;;) {
      const answer = await client.answer(option)
      if (answer?.type !== ANSWERS.META_CONTEXT) return contexts
      contexts.push(answer.data.toString('utf8', 4))
    }
  }
  const { LIST_META_CONTEXT: LIST, SET_META_CONTEXT: SET } = OPTIONS
  t.deepEqual(await found(LIST), ['base:allocation'])
  t.deepEqual(await found(LIST, 'base:'), ['base:allocation'])
  t.deepEqual(await found(LIST, 'qemu:dirty-bitmap'), [])
  t.deepEqual(await found(SET, 'x:y', 'base:allocation'), ['base:allocation'])
  t.deepEqual(await found(SET, 'base:'), [])
  t.deepEqual(await found(SET), [])
})
