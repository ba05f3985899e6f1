/** Past the quota: how much of three times the quota is let through, and what does asking cost who stays below? */
import { performance } from 'node:perf_hooks'
import { randomBytes } from 'node:crypto'
import { Strongroom } from '../src/index.ts'
import type { Call } from '../src/operation.ts'
import type { QuotaSetting } from '../src/quotas/quotas.ts'
import { prepared } from '../src/service.ts'
import { keep, type Figure } from './ladder.ts'

const Plaintext = randomBytes(32)
const EncryptionContext = { tenant: 'clinic-7', purpose: 'patient-record' }

interface Load {
  readonly quotas: 'aws' | 'classic'
  readonly region: string
  readonly quota: number
}

const LOADS: readonly Load[] = [
  { quotas: 'aws', region: 'us-east-1', quota: 100_000 },
  { quotas: 'aws', region: 'eu-west-3', quota: 10_000 },
  { quotas: 'classic', region: 'us-east-1', quota: 30_000 },
  { quotas: 'classic', region: 'eu-west-3', quota: 5500 },
]

/**
 * An open loop: three times the quota arrives, evenly over each millisecond of the room's time, and nobody waits for an
 * answer. The second's worth that an idle account has saved up is spent before the ten seconds that are measured.
 */
async function acceptedRate({ quotas, region, quota }: Load): Promise<{ rate: number; first: number; real: number }> {
  let now = Date.UTC(2026, 0, 1)
  const room = await Strongroom.open({ memory: true, audit: 'off', region, quotas, now: () => new Date(now) })
  const { KeyMetadata } = await room.createKey({})
  const input = { KeyId: KeyMetadata!.Arn!, Plaintext, EncryptionContext }
  await room.encrypt(input)
  let arrived = 0
  const second = async (): Promise<number> => {
    let accepted = 0
    for (const end = now + 1000; now < end; now++) {
      const due = Math.floor(((now - Date.UTC(2026, 0, 1) + 1) * 3 * quota) / 1000)
      for (; arrived < due; arrived++) {
        await room.encrypt(input).then(
          () => accepted++,
          () => undefined,
        )
      }
    }
    return accepted
  }
  const start = performance.now()
  const first = await second()
  let accepted = 0
  for (let i = 0; i < 10; i++) accepted += await second()
  const real = (performance.now() - start) / 1000
  await room.close()
  return { rate: accepted / 10, first, real }
}

/**
 * Nanoseconds that each of `acts` takes. Laps by turns, there and back, so that whatever else the machine does befalls all
 * of them alike; and what a lap takes is compared with the first's of the same turn.
 */
async function byTurns(
  acts: Readonly<Record<string, () => Promise<unknown> | undefined>>,
  turns = 300,
): Promise<Figure[]> {
  const laps = Object.values(acts).map((act) => ({ act, taken: [] as number[] }))
  for (let turn = -30; turn < turns; turn++) {
    for (const { act, taken } of turn % 2 === 0 ? laps : laps.toReversed()) {
      const start = performance.now()
      for (let n = 0; n < LAP; n++) {
        const done = act()
        if (done !== undefined) await done
      }
      if (turn >= 0) taken.push(((performance.now() - start) * 1e6) / LAP)
    }
  }
  const [first] = laps
  return Object.keys(acts).map((name, i) => {
    const { taken } = laps[i]!
    const ratios = taken.map((time, turn) => first!.taken[turn]! / time)
    const margin = 100 * (quantile(taken, 0.5) / quantile(taken, 0.25) - 1)
    return {
      name,
      ns: Math.round(quantile(taken, 0.5)),
      margin: Number(margin.toFixed(2)),
      ratio: Number(quantile(ratios, 0.5).toFixed(3)),
    }
  })
}

function quantile(numbers: readonly number[], part: number): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(part * numbers.length)]!
}

const LAP = 1000

/** Quotas on and off, and the gate by itself: on a call that has found its key. */
async function cost(): Promise<Figure[]> {
  const plenty: QuotaSetting = { quotas: { Symmetric: 1_000_000_000 } }
  const rooms = await Promise.all(
    (['off', plenty] as const).map((quotas) => Strongroom.open({ memory: true, audit: 'off', quotas })),
  )
  const encrypting = await Promise.all(
    rooms.map(async (room) => {
      const { KeyMetadata } = await room.createKey({})
      const input = { KeyId: KeyMetadata!.Arn!, Plaintext, EncryptionContext }
      return () => room.encrypt(input)
    }),
  )
  const figures = await byTurns({
    'Encrypt 32 B, quotas off': encrypting[0]!,
    'Encrypt 32 B, quotas on': encrypting[1]!,
  })
  const [admit] = await byTurns({ 'the gate alone': admitting(rooms[1]!) })
  for (const room of rooms) await room.close()
  return [...figures, admit!]
}

/** What the pipeline does at the gate, with a call as it is there. */
function admitting(room: Strongroom): () => undefined {
  const { quotas } = room
  const entry = prepared('Encrypt')
  const scope = { realm: { region: room.region }, account: room.account }
  const call = { scope, key: { spec: 'SYMMETRIC_DEFAULT' }, now: Date.now(), input: {} } as unknown as Call
  return () => quotas.admit(entry, call)
}

const rates: Figure[] = []
for (const load of LOADS) {
  const { rate, first, real } = await acceptedRate(load)
  const off = 100 * (rate / load.quota - 1)
  const name = `${load.quotas} in ${load.region}: ${load.quota} a second`
  console.log(
    `${name}; at three times that, ${rate} a second were accepted over 10 s (${off.toFixed(3)} %), ` +
      `${first} in the second before, which an idle account had saved up; ${real.toFixed(1)} s of real time`,
  )
  if (Math.abs(off) > 1) throw new Error(`${name}: off by ${off.toFixed(2)} %`)
  rates.push({ name, ns: Math.round(1e9 / rate), margin: Number(Math.abs(off).toFixed(3)), ratio: rate / load.quota })
}
const costs = await cost()
console.table(Object.fromEntries(costs.map(({ name, ...figure }) => [name, figure])))
keep('quotas', { 'accepted of three times the quota': rates, 'what quotas cost': costs })
