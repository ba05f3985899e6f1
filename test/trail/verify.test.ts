/** Verification: what was not touched is clean; whatever is done to a file, a record or the end of a chain is found and named. */
import { createHash } from 'node:crypto'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { Offence } from '../../src/audit/files/offence.ts'
import { DAY, kept, MINUTE, type KeptTrail } from './kept.ts'

interface Told {
  readonly Records: { eventID: string; sourceIPAddress: string }[]
}

/** Rewrites the records of a log file. */
const rewrite = (change: (records: Told['Records']) => Told['Records']) => (text: string) =>
  JSON.stringify({ Records: change((JSON.parse(text) as Told).Records) })

const swapped = <T>([a, b, ...rest]: T[]): T[] => [b!, a!, ...rest]

interface Harm {
  readonly kind: Offence['kind']
  readonly record?: number
  /** Seen with the public key and the folder alone; not so what only the room can know. */
  readonly alone?: false
  /** Does harm, and says to which file. */
  does(trail: KeptTrail, logs: string[], digests: string[]): Promise<string>
}

const at = async (file: string, harm: Promise<unknown>): Promise<string> => harm.then(() => file)

const HARMS: Readonly<Record<string, Harm>> = {
  'a record that was changed': {
    kind: 'changed',
    record: 2,
    does: (trail, [, log = '']) =>
      at(
        log,
        trail.edit(
          log,
          rewrite((all) => all.with(2, { ...all[2]!, sourceIPAddress: '10.0.0.1' })),
        ),
      ),
  },
  'a record that was taken out': {
    kind: 'removed',
    record: 2,
    does: (trail, [, log = '']) =>
      at(
        log,
        trail.edit(
          log,
          rewrite((all) => all.toSpliced(2, 1)),
        ),
      ),
  },
  'the last record of a file, taken out': {
    kind: 'removed',
    record: 4,
    does: (trail, [, log = '']) =>
      at(
        log,
        trail.edit(
          log,
          rewrite((all) => all.slice(0, -1)),
        ),
      ),
  },
  'a record that was put in': {
    kind: 'added',
    record: 1,
    does: (trail, [, log = '']) =>
      at(
        log,
        trail.edit(
          log,
          rewrite((all) => all.toSpliced(1, 0, { ...all[0]!, eventID: 'x' })),
        ),
      ),
  },
  'records that changed places': {
    kind: 'reordered',
    record: 0,
    does: (trail, [, log = '']) => at(log, trail.edit(log, rewrite(swapped))),
  },
  'a file of the same records, compressed otherwise': {
    kind: 'changed',
    does: (trail, [, log = '']) =>
      at(
        log,
        trail.edit(log, (text) => `${text} `),
      ),
  },
  'a log file that is gone': {
    kind: 'removed',
    does: (trail, [, log = '']) => at(log, trail.remove(log)),
  },
  'the last log file, gone': {
    kind: 'removed',
    does: (trail, logs) => at(logs.at(-1)!, trail.remove(logs.at(-1)!)),
  },
  'a log file that was cut off': {
    kind: 'changed',
    does: async (trail, [, log = '']) => at(log, trail.write(log, (await trail.read(log)).subarray(0, -9))),
  },
  'log files that changed places': {
    kind: 'changed',
    record: 0,
    async does(trail, [, one = '', two = '']) {
      const [first, second] = [await trail.read(one), await trail.read(two)]
      await trail.write(one, second)
      return at(one, trail.write(two, first))
    },
  },
  'a log file nobody shipped': {
    kind: 'added',
    async does(trail, [, log = '']) {
      const stranger = log.replace(/_\d{16}/, '_0000000000099999')
      return at(stranger, trail.write(stranger, await trail.read(log)))
    },
  },
  'a file of another kind': {
    kind: 'added',
    does: (trail, [, log = '']) => at(`${log}.txt`, trail.write(`${log}.txt`, Buffer.from('hello'))),
  },
  'a file at the top': {
    kind: 'added',
    does: (trail) => at('notes', trail.write('notes', Buffer.from('hello'))),
  },
  'a digest that was changed': {
    kind: 'changed',
    does: (trail, _, [, digest = '']) =>
      at(
        digest,
        trail.edit(digest, (text) => text.replace(/12:0\d/, '12:59')),
      ),
  },
  'a digest that was changed, with what is said of how it lies': {
    kind: 'changed',
    async does(trail, _, [, digest = '']) {
      await trail.edit(digest, (text) => text.replace('"hashValue":"', '"hashValue":"0'))
      const lies = createHash('sha256')
        .update(await trail.read(digest))
        .digest('hex')
      const [signature = ''] = (await trail.read(`${digest}.sig`)).toString().split('\n')
      return at(digest, trail.write(`${digest}.sig`, Buffer.from(`${signature}\n${lies}\n`)))
    },
  },
  'a signature that is another one': {
    kind: 'changed',
    async does(trail, _, [one = '', two = '']) {
      const lies = createHash('sha256')
        .update(await trail.read(two))
        .digest('hex')
      const [signature = ''] = (await trail.read(`${one}.sig`)).toString().split('\n')
      return at(two, trail.write(`${two}.sig`, Buffer.from(`${signature}\n${lies}\n`)))
    },
  },
  'a signature that is gone': {
    kind: 'removed',
    does: (trail, _, [, digest = '']) => at(`${digest}.sig`, trail.remove(`${digest}.sig`)),
  },
  'a digest that is gone': {
    kind: 'removed',
    does: (trail, _, [, digest = '']) => at(digest, trail.remove(digest)),
  },
  'a digest that is gone with all that belongs to it': {
    kind: 'removed',
    async does(trail, [, log = ''], [, digest = '']) {
      for (const file of [log, digest, `${digest}.sig`]) await trail.remove(file)
      return digest
    },
  },
  'the beginning of a chain, gone': {
    kind: 'removed',
    async does(trail, [log = ''], [digest = '']) {
      for (const file of [log, digest, `${digest}.sig`]) await trail.remove(file)
      return digest
    },
  },
  'a digest in place of a later one': {
    kind: 'changed',
    async does(trail, _, [one = '', two = '']) {
      await trail.write(`${two}.sig`, await trail.read(`${one}.sig`))
      return at(two, trail.write(two, await trail.read(one)))
    },
  },
  'the end of a chain, gone': {
    kind: 'removed',
    alone: false,
    async does(trail, logs, digests) {
      const digest = digests.at(-1)!
      for (const file of [logs.at(-1)!, digest, `${digest}.sig`]) await trail.remove(file)
      return digest
    },
  },
  'all of it, gone': {
    kind: 'removed',
    alone: false,
    async does(trail, _, digests) {
      for (const file of await trail.objects()) await trail.remove(file)
      return digests.at(-1)!
    },
  },
}

async function chain(t: Parameters<typeof kept>[0]): Promise<KeptTrail> {
  const trail = await kept(t)
  await trail.ships(4, 5)
  return trail
}

test('what nobody touched is clean, also to who has the folder and the public key alone', async (t) => {
  const trail = await chain(t)
  trail.use()
  await trail.settled()
  t.deepEqual(await trail.verify(), { digests: 4, logs: 4, records: 20, stored: 1, offence: undefined })
  t.deepEqual(await trail.verify({ alone: true }), { digests: 4, logs: 4, records: 20, stored: 0, offence: undefined })
})

test('a trail of which nothing was shipped is clean', async (t) => {
  t.is((await (await kept(t)).verify()).offence, undefined)
})

for (const [what, { kind, record, alone, does }] of Object.entries(HARMS)) {
  test(`found: ${what}`, async (t) => {
    const trail = await chain(t)
    const file = await does(trail, await trail.logs(), await trail.digests())
    const { offence } = await trail.verify()
    t.deepEqual([offence?.kind, offence?.file, offence?.record], [kind, file, record])
    const seen = (await trail.verify({ alone: true })).offence
    t.is(seen?.file, alone === false ? undefined : file)
  })
}

test('the id of the event is told with the record', async (t) => {
  const trail = await chain(t)
  const [log = ''] = await trail.logs()
  let id = ''
  await trail.edit(
    log,
    rewrite((all) => {
      id = all[3]!.eventID
      return all.with(3, { ...all[3]!, sourceIPAddress: '10.0.0.1' })
    }),
  )
  const { offence } = await trail.verify()
  t.is(offence?.eventId, id)
  t.is(offence?.message, `changed: ${log}, record 3 (${id}): it is not what was written`)
})

test('a trail of another room, however consistent, is none of ours', async (t) => {
  const [trail, forged] = [await chain(t), await chain(t)]
  for (const file of await trail.objects()) await trail.write(file, await forged.read(file))
  t.is((await trail.verify()).offence?.kind, 'changed')
  t.is((await trail.verify({ alone: true })).offence?.kind, 'changed')
})

/** Chance that repeats. */
function chance(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

test('any bit of any file, when it is turned, is found', async (t) => {
  const trail = await kept(t)
  for (let i = 0; i < 5; i++) {
    trail.use({ region: i % 2 ? 'eu-west-1' : 'us-east-1' })
    trail.use()
    await trail.ship()
    trail.now += MINUTE
  }
  const objects = await trail.objects()
  for (let seed = 1; seed <= 300; seed++) {
    const draw = chance(seed)
    const object = objects[draw(objects.length)]!
    const bytes = await trail.read(object)
    const bit = draw(bytes.length * 8)
    const harmed = Buffer.from(bytes)
    harmed[bit >> 3]! ^= 1 << (bit & 7)
    await trail.write(object, harmed)
    const { offence } = await trail.verify({ alone: seed % 2 === 0 })
    t.truthy(offence, `seed ${seed}: bit ${bit} of ${object}`)
    await trail.write(object, bytes)
  }
  t.is((await trail.verify()).offence, undefined)
})

test('harm of every kind, done anywhere among several chains, is found', async (t) => {
  const trail = await kept(t)
  for (let i = 0; i < 8; i++) {
    for (let j = 0; j < 5; j++)
      for (const region of ['us-east-1', 'eu-west-1']) trail.use({ region, context: { at: `${i}/${j}` } })
    await trail.ship()
  }
  const harms = Object.entries(HARMS).filter(([, { alone }]) => alone !== false)
  const copy = await mkdtemp(join(tmpdir(), 'strongroom-harmed-'))
  t.teardown(() => rm(copy, { recursive: true, force: true }))
  for (let seed = 1; seed <= 60; seed++) {
    const draw = chance(seed)
    const [what, { does }] = harms[draw(harms.length)]!
    const region = draw(2) ? 'us-east-1' : 'eu-west-1'
    // Harm is done to the first three files at most, and the beginning of a chain stays what it is.
    const from = what.startsWith('the beginning') ? 0 : draw(6)
    await rm(copy, { recursive: true, force: true })
    await cp(trail.folder, copy, { recursive: true })
    const harmed = trail.in(copy)
    const some = (names: string[]) => names.filter((name) => name.includes(`/${region}/`)).slice(from)
    await does(harmed, some(await harmed.logs()), some(await harmed.digests()))
    t.truthy((await harmed.verify({ alone: seed % 2 === 0 })).offence, `seed ${seed}: ${what}`)
  }
})

test('after old days were removed, the beginning of what is left is guarded as before', async (t) => {
  const trail = await kept(t, { retainDays: 2 })
  for (let day = 0; day < 6; day++) {
    await trail.ships(1, 3)
    trail.now += DAY
  }
  await trail.ships(1, 3)
  t.is((await trail.verify({ alone: true })).offence, undefined)
  const [[log = ''], [digest = '']] = [await trail.logs(), await trail.digests()]
  for (const file of [log, digest, `${digest}.sig`]) await trail.remove(file)
  t.is((await trail.verify({ alone: true })).offence?.file, digest)
})
