/** Many sessions at one engine: none is in the midst of another's transaction, and none finds another's settings. */
import test from 'ava'
import { Turns, type Engine, type Player } from '../../../src/services/rds/turns.ts'
import { query } from '../../../src/services/rds/wire.ts'

class Scripted implements Engine {
  readonly heard: string[] = []
  #isOpen = false

  async run(messages: Uint8Array): Promise<Uint8Array> {
    const said = Buffer.from(messages)
      .toString()
      .replace(/^Q[^]{4}|\0$/g, '')
    if (said !== '') this.heard.push(said)
    await Promise.resolve()
    if (said === 'BEGIN') this.#isOpen = true
    if (said === 'COMMIT' || said === 'ROLLBACK') this.#isOpen = false
    return messages
  }

  isInTransaction(): boolean {
    return this.#isOpen
  }

  async begin(user: string): Promise<void> {
    this.heard.push(`as ${user}`)
  }
}

function players() {
  const engine = new Scripted()
  const turns = new Turns(engine)
  const player = (user: string) => ({ user, settings: new Map<string, string>(), gone: false })
  const say = (who: Player, sql: string, isEnd = true) => turns.run(who, query(sql), isEnd)
  return { engine, turns, say, ada: player('ada'), bob: player('bob') }
}

test('who comes during a transaction waits for its end', async (t) => {
  const { engine, say, ada, bob } = players()
  await say(ada, 'BEGIN')
  const waiting = say(bob, 'SELECT 1')
  await say(ada, 'INSERT')
  await say(ada, 'COMMIT')
  await waiting
  t.deepEqual(engine.heard, ['as ada', 'BEGIN', 'INSERT', 'COMMIT', 'as bob', 'SELECT 1'])
})

test('who goes on alone begins once', async (t) => {
  const { engine, say, ada } = players()
  await say(ada, 'SELECT 1')
  await say(ada, 'SELECT 2')
  t.deepEqual(engine.heard, ['as ada', 'SELECT 1', 'SELECT 2'])
})

test('messages that belong together are not parted', async (t) => {
  const { engine, say, ada, bob } = players()
  await say(ada, 'first', false)
  const waiting = say(bob, 'SELECT 1')
  await say(ada, 'last')
  await waiting
  t.deepEqual(engine.heard, ['as ada', 'first', 'last', 'as bob', 'SELECT 1'])
})

test('a transaction that nobody will end is rolled back', async (t) => {
  const { engine, turns, say, ada, bob } = players()
  await say(ada, 'BEGIN')
  const waiting = say(bob, 'SELECT 1')
  ada.gone = true
  await turns.leave(ada, new Uint8Array(0))
  await waiting
  t.deepEqual(engine.heard, ['as ada', 'BEGIN', 'ROLLBACK', 'as bob', 'SELECT 1'])
})

test('who is gone when its turn comes does nothing', async (t) => {
  const { engine, say, ada, bob } = players()
  await say(ada, 'BEGIN')
  const waiting = say(bob, 'SELECT 1')
  bob.gone = true
  await say(ada, 'COMMIT')
  await waiting
  await say(ada, 'SELECT 2')
  t.deepEqual(engine.heard, ['as ada', 'BEGIN', 'COMMIT', 'SELECT 2'])
})
