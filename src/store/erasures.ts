/**
 * Keys that the records let go of, in devices that keep keys themselves: noted in the commit that lets go, destroyed once it is
 * durable, and tried again until the device has done it. Whatever fails here undoes nothing.
 */
import { randomUUID } from 'node:crypto'
import type { Eventually } from '../backends/backend.ts'
import type { Key, Material } from '../keys.ts'
import { Resources } from './resources.ts'
import { materialFrom } from './sql.ts'
import type { Change, Store } from './store.ts'

/** A material that is no longer a row's, or not with its token; or one that was to be, and is not. */
export interface Leaving {
  readonly key: Key
  readonly material: Material
}

export interface ErasuresWorld {
  readonly store: Store
  /** Destroys keys of the custom key store, or of the KMS itself; undefined where a token is all there is of a key. */
  readonly eraserOf: (customKeyStoreId: string | undefined) => ((token: Uint8Array) => Eventually<void>) | undefined
  /** Takes back the wrapping keys that were made for imports into a key; absent where no device keeps them. */
  readonly withdraw?: ((arn: string) => Eventually<void>) | undefined
  readonly log: (line: string) => void
}

type Due = DueKey | DueImports

/** One key to be destroyed; related keys of several Regions share theirs, and the last of them takes it along. */
interface DueKey {
  readonly token: string
  readonly customKeyStoreId?: string
  /** Where there may be rows with the same token. */
  readonly places: readonly (readonly [region: string, account: string, key: string, material: string])[]
}

/** The wrapping keys of a key that is gone. */
interface DueImports {
  readonly importsInto: string
}

export interface Note {
  readonly name: string
  readonly due: Due
  readonly change: Change
}

export class Erasures {
  readonly #world: ErasuresWorld
  readonly #noted: Resources<Due>

  constructor(world: ErasuresWorld) {
    this.#world = world
    this.#noted = new Resources(world.store, 'erasure')
  }

  /** What is to be committed along with letting go of these materials, and of these keys as a whole. */
  notesOf(leaving: readonly Leaving[], gone: readonly Key[]): Note[] {
    const imports = this.#world.withdraw ? gone.filter(({ origin }) => origin === 'EXTERNAL') : []
    return [...this.#dueOf(leaving), ...imports.map(({ arn }): Due => ({ importsInto: arn }))].map((due) => {
      const name = randomUUID()
      return { name, due, change: this.#noted.put('', name, due, 0) }
    })
  }

  /** Destroys what was made for a commit that failed, unless a row has it all the same. */
  async abandon(made: readonly Leaving[]): Promise<void> {
    for (const due of this.#dueOf(made)) await this.#destroy(due, 'a key came to nothing, but is left')
  }

  #dueOf(leaving: readonly Leaving[]): DueKey[] {
    return leaving
      .filter(({ key, material: { token } }) => token && this.#world.eraserOf(key.customKeyStoreId))
      .map(({ key, material }) => {
        const regions = new Set([key.region, ...(key.multiRegion?.related.map(({ region }) => region) ?? [])])
        return {
          token: Buffer.from(material.token!).toString('hex'),
          customKeyStoreId: key.customKeyStoreId,
          places: [...regions].map((region) => [region, key.account, key.id, material.id] as const),
        }
      })
  }

  /** Destroys what was noted. */
  async settle(notes: readonly Pick<Note, 'name' | 'due'>[]): Promise<void> {
    for (const { name, due } of notes) {
      if (!(await this.#destroy(due))) continue
      await this.#world.store.commit([this.#noted.erase('', name, 1)]).catch(() => undefined)
    }
  }

  /** Tries again what is still to be destroyed. */
  async again(): Promise<void> {
    const notes = await this.#noted.all('')
    await this.settle(notes.map(({ name, value: due }) => ({ name, due })))
  }

  /** Whether nothing is left to do about it. */
  async #destroy(due: Due, failing = 'a key is deleted, but not yet destroyed'): Promise<boolean> {
    try {
      if ('importsInto' in due) {
        await this.#world.withdraw?.(due.importsInto)
        return this.#world.withdraw !== undefined
      }
      if (await this.#isUsed(due)) return true
      const erase = this.#world.eraserOf(due.customKeyStoreId)
      await erase?.(Buffer.from(due.token, 'hex'))
      return erase !== undefined
    } catch (error) {
      this.#world.log(`${failing} in the device that keeps it: ${reasonOf(error)}`)
      return false
    }
  }

  async #isUsed({ token, places }: DueKey): Promise<boolean> {
    for (const place of places) {
      const row = await this.#world.store.get('materials', [...place])
      const kept = row && materialFrom(row).token
      if (kept && Buffer.from(kept).toString('hex') === token) return true
    }
    return false
  }
}

/** What the device said, by its name alone. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const { code, name } = cause as Error & { readonly code?: string }
  return code ?? name
}
