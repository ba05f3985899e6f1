/** The databases that run in this room. */
import type { ServiceWorld } from '../world.ts'
import type { Storage } from './storage.ts'
import { Engine } from './engine.ts'
import type { Task } from './worker.ts'

export class Engines {
  readonly #storage: Storage
  readonly #world: Pick<ServiceWorld, 'reach'>
  readonly #engines = new Map<string, Engine>()

  constructor(storage: Storage, world: Pick<ServiceWorld, 'reach'>) {
    this.#storage = storage
    this.#world = world
  }

  of(id: string): Engine | undefined {
    return this.#engines.get(id)
  }

  /** Starts one in a Region with its data key, which is wiped here and handed over to its thread. */
  async start(
    id: string,
    key: Uint8Array,
    region: string,
    task: Omit<Task, 'folder' | 'key' | 'gate'>,
  ): Promise<Engine> {
    const handed = Uint8Array.from(key)
    key.fill(0)
    const folder = await this.#storage.of(id)
    const engine = await Engine.start({ ...task, folder, key: handed }, () => this.#isReachable(region))
    this.#engines.set(id, engine)
    void engine.ended.then(() => {
      if (this.#engines.get(id) === engine) this.#engines.delete(id)
    })
    return engine
  }

  /** Stops it if it runs; its key is wiped. */
  async stop(id: string): Promise<void> {
    await this.#engines.get(id)?.stop()
  }

  #isReachable(region: string): boolean {
    try {
      this.#world.reach(region)
      return true
    } catch {
      return false
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#engines.values()].map((engine) => engine.stop()))
  }
}
