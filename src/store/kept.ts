/** A thing that a room remembers about itself, how far its clock is ahead, say: one document of its store. */
import { Resources } from './resources.ts'
import type { Store } from './store.ts'

export class Kept<T extends object> {
  readonly #store: Store
  readonly #resources: Resources<T>
  readonly #name: string
  #value: T | undefined
  #version = 0
  #putting: Promise<unknown> = Promise.resolve()

  /** What is kept under `name`, read once: nobody else changes it. */
  static async open<T extends object>(store: Store, name: string): Promise<Kept<T>> {
    const kept = new Kept<T>(store, name)
    const found = await kept.#resources.get('', name)
    kept.#value = found?.value
    kept.#version = found?.version ?? 0
    return kept
  }

  private constructor(store: Store, name: string) {
    this.#store = store
    this.#resources = new Resources(store, 'room')
    this.#name = name
  }

  get value(): T | undefined {
    return this.#value
  }

  /** Resolves once `value` is durable; one after the other. */
  put(value: T): Promise<void> {
    const done = this.#putting.then(async () => {
      await this.#store.commit([this.#resources.put('', this.#name, value, this.#version)])
      this.#version++
      this.#value = value
    })
    this.#putting = done.catch(() => undefined)
    return done
  }
}
