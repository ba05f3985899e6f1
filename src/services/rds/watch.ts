/**
 * Looking after instances: whether each can still reach its key, without which it must not go on, and whether what should run
 * does. Someone looks whenever instances are described, and with each sweep.
 */
import type { Instant } from '../../clock.ts'
import type { Context } from '../../context.ts'
import type { Origin } from '../../origin.ts'
import type { Recorded } from '../../store/resources.ts'
import { rdsFor } from './keys.ts'
import type { Means } from './means.ts'
import type { InstanceRecord } from './records.ts'
import { isKeyProblem } from './refusals.ts'

type Instance = Recorded<InstanceRecord>

const MINUTE = 60_000
const ORIGIN: Origin = { sourceIp: '127.0.0.1', userAgent: 'rds.amazonaws.com', secure: true }

export class Watch {
  readonly #means: Means
  #isFirst = true
  /** When the KMS was last asked for each instance's key, and how that was: what has not changed is not asked for again soon. */
  readonly #asked = new Map<string, { readonly mark: string; readonly at: Instant }>()

  constructor(means: Means) {
    this.#means = means
  }

  /** Attends to all there are, in the order of their names. What fails is told, and tried again with the next sweep. */
  async sweep(): Promise<void> {
    const { records, storage, world } = this.#means
    const known = new Set<string>()
    for (const place of await records.places()) {
      const instances = await records.instances.all(place)
      for (const { value } of [...instances, ...(await records.snapshots.all(place))]) known.add(value.id)
      for (const found of instances) {
        await this.#attend(place, found).catch((error: unknown) => {
          world.log(`rds: ${found.name}: ${error instanceof Error ? error.message : 'failed'}`)
        })
      }
    }
    for (const id of this.#asked.keys()) if (!known.has(id)) this.#asked.delete(id)
    if (this.#isFirst) await storage.tidy(known)
    this.#isFirst = false
  }

  /** An instance as it is once somebody has looked whether it can reach its key. */
  look(place: string, found: Instance, context: Context): Promise<Instance> {
    return found.value.state === 'stopped' || found.value.isLost
      ? Promise.resolve(found)
      : this.#means.alone('db', place, found.name, async () => {
          const current = await this.#means.records.instances.get(place, found.name)
          return current ? this.#looked(place, current, context) : found
        })
  }

  /** Starts what does not run, unless it cannot reach its key. */
  async start(place: string, found: Instance, context: Context): Promise<Instance> {
    const { keys, engines } = this.#means
    const { id, dataKey, database, port } = found.value
    try {
      const engine = await engines.start(id, await keys.opened(dataKey, context), context.region, { database, port })
      return await this.keep(place, found, { state: 'available', port: engine.port, since: undefined })
    } catch (error) {
      if (isKeyProblem(error)) await this.#cut(place, found, (await keys.state(dataKey, context)) === 'gone')
      throw error
    }
  }

  /** A record with changes, once they are kept. */
  async keep(place: string, { name, value, version }: Instance, changes: Partial<InstanceRecord>): Promise<Instance> {
    const { records } = this.#means
    const next = { ...value, ...changes }
    await records.commit(records.instances.put(place, name, next, version))
    return { name, value: next, version: version + 1 }
  }

  async #attend(place: string, found: Instance): Promise<void> {
    const [region = '', account = ''] = place.split('/')
    const caller = rdsFor(account, found.value.id, this.#means.world.clock())
    const context: Context = { caller, region, origin: ORIGIN }
    const seen = await this.look(place, found, context)
    if (seen.value.state !== 'available' || this.#means.engines.of(seen.value.id)) return
    await this.#means.alone('db', place, seen.name, async () => {
      const current = await this.#means.records.instances.get(place, seen.name)
      const isUp = current && this.#means.engines.of(current.value.id)
      if (current?.value.state === 'available' && !isUp) await this.start(place, current, context)
    })
  }

  async #looked(place: string, found: Instance, context: Context): Promise<Instance> {
    const { id, state, isLost = false, dataKey, grantId } = found.value
    if (state === 'stopped' || isLost) return found
    const { keys, world } = this.#means
    const [mark, at] = [await keys.mark(dataKey, grantId), world.clock()]
    const last = this.#asked.get(id)
    if (last?.mark === mark && at - last.at < MINUTE) return found
    const key = await keys.state(dataKey, context)
    if (key !== undefined) this.#asked.set(id, { mark, at })
    if (key === 'gone' || (key === 'unusable' && state === 'available')) return this.#cut(place, found, key === 'gone')
    return found
  }

  /** It must not go on: its engine stops, and with that its data key is wiped. */
  async #cut(place: string, found: Instance, isLost: boolean): Promise<Instance> {
    const { engines, world } = this.#means
    const { since = world.clock() } = found.value
    const cut = await this.keep(place, found, { state: 'inaccessible', since, isLost })
    await engines.stop(found.value.id)
    return cut
  }
}
