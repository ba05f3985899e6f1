/** Whatever is sent to a database, before the password and after, it goes on, and so do those who know their manners. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import test from 'ava'
import { int32, message, query } from '../../../src/services/rds/wire.ts'
import { seeded, type Random } from '../../helpers/random.ts'
import { clientOf, loggedIn, stage, wanted } from './scene.ts'

const SEED = 42
const GREETING = message('', int32(3 << 16), 'user', 'doctor', 'database', 'postgres', Buffer.alloc(1)).subarray(1)
const SASL = message('p', 'SCRAM-SHA-256', int32(4), Buffer.from('n,,n'))
/** A batch as clients send it: parsed, bound, described, run, synced. */
const BATCH = [
  message('P', 'name', 'SELECT $1::int + 1', Buffer.alloc(2)),
  message('B', '', 'name', Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 0x37, 0, 0])),
  message('D', Buffer.from('P'), ''),
  message('E', '', int32(0)),
  message('C', Buffer.from('S'), 'name'),
  message('H'),
  message('S'),
]
const HONEST = [query('SELECT 1'), query('COPY patients FROM STDIN'), message('d', 'row'), message('c'), ...BATCH]

/** Some bytes are others, are missing, or are said twice. */
function corrupted(random: Random, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  for (let times = random.below(4); times > 0; times--) copy[random.below(copy.length)] = random.below(256)
  const at = random.below(copy.length)
  const cut = [copy, copy.subarray(0, at), Buffer.concat([copy.subarray(0, at), copy.subarray(at >> 1)])]
  return cut[random.below(cut.length)]!
}

/** Says it all and hangs up; over when the server has hung up, too. */
async function said(socket: Socket, bytes: Buffer): Promise<void> {
  socket.on('error', () => undefined)
  const over = once(socket, 'close')
  socket.resume()
  socket.end(bytes)
  await over
}

test(`corrupted messages end the session they are said in, at the most (seed ${SEED})`, async (t) => {
  const { open } = await stage(t)
  const room = await open()
  const { DBInstance } = await room.rds.createDBInstance(wanted('patients'))
  const { Port } = DBInstance.Endpoint!
  const bystander = await clientOf(t, DBInstance)
  await bystander.query('CREATE TABLE patients (id int)')
  const random = seeded(SEED)
  for (let turn = 0; turn < 60; turn++) {
    const noise = [random.bytes(random.below(300)), corrupted(random, GREETING), corrupted(random, SASL)]
    await said(connect(Port, '127.0.0.1'), Buffer.concat(turn % 2 ? noise.slice(1) : [GREETING, noise[2]!, noise[0]!]))
  }
  for (let turn = 0; turn < 60; turn++) {
    const messages = Array.from({ length: 1 + random.below(8) }, () => HONEST[random.below(HONEST.length)]!)
    const spoilt = messages.map((each) => (random.below(3) === 0 ? corrupted(random, each) : each))
    await said(await loggedIn(DBInstance), Buffer.concat(spoilt))
    if (turn % 6 === 0) t.deepEqual((await bystander.query('SELECT 1 AS n')).rows, [{ n: 1 }], `turn ${turn}`)
  }
  t.is((await room.rds.describeDBInstances({})).DBInstances[0]!.DBInstanceStatus, 'available')
})
