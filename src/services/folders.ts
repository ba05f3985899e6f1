/** Where services keep their bytes: in the room's folder; a room without one has a folder of the system's until it closes. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export class Folders {
  readonly #data: string | undefined
  #borrowed: Promise<string> | undefined

  constructor(data: string | undefined) {
    this.#data = data
  }

  /** The folder called `name`, made if need be, for its owner alone. */
  async of(name: string): Promise<string> {
    const folder = join(this.#data ?? (await (this.#borrowed ??= mkdtemp(join(tmpdir(), 'strongroom-')))), name)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    return folder
  }

  /** Removes what was borrowed. */
  async close(): Promise<void> {
    if (this.#borrowed) await rm(await this.#borrowed, { recursive: true, force: true })
  }
}
