/** The databases that run in this room. */
import type { Storage } from './storage.ts'
import { Engine } from './engine.ts'
import type { Task } from './worker.ts'

export class Engines {
  readonly #storage: Storage
  readonly #engines = new Map<string, Engine>()

  constructor(storage: Storage) {
    this.#storage = storage
  }

  of(id: string): Engine | undefined {
    return this.#engines.get(id)
  }

  /** Starts one with its data key, which is wiped here and handed over to its thread. */
  async start(id: string, key: Uint8Array, task: Omit<Task, 'folder' | 'key'>): Promise<Engine> {
    const handed = Uint8Array.from(key)
    key.fill(0)
    const engine = await Engine.start({ ...task, folder: await this.#storage.of(id), key: handed })
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

  async close(): Promise<void> {
    await Promise.allSettled([...this.#engines.values()].map((engine) => engine.stop()))
  }
}
