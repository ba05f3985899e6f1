/**
 * A room whose keys and ids repeat: for tests, and never secret. A folder remembers the seed it was made with and how often it
 * was opened, so that what is drawn after a restart is not drawn a second time.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { VaultError, writeWhole } from './vault.ts'

export interface Seed {
  /** For ids. */
  readonly ids: string
  /** For the HSM: 48 bits. */
  readonly device: number
}

/** The seed of a room that keeps nothing. */
export function seedOf(seed: number, opening = 1): Seed {
  const ids = `${seed}/${opening}`
  return { ids, device: createHash('sha256').update(`device ${ids}`).digest().readUIntBE(0, 6) }
}

/**
 * The seed for opening `folder` this time. Refuses a folder that was made with another seed or with none, and one made with a
 * seed when none is given now.
 */
export async function seedFolder(folder: string, isNew: boolean, seed: number | undefined): Promise<Seed | undefined> {
  const file = await readFile(join(folder, 'seed'), 'utf8').catch(absent)
  const [made, opened] = file?.split(' ').map(Number) ?? []
  if (seed === undefined) {
    if (made !== undefined)
      throw new VaultError('SeedMissing', `${folder} was made with \`seed\`; its keys are not secret`)
    return undefined
  }
  if (!isNew && made === undefined)
    throw new VaultError('SeedRefused', `${folder} was made without \`seed\`; its keys are secret`)
  if (!isNew && made !== seed) throw new VaultError('SeedRefused', `${folder} was made with another \`seed\``)
  const opening = (opened ?? 0) + 1
  await writeWhole(folder, 'seed', Buffer.from(`${seed} ${opening}`))
  return seedOf(seed, opening)
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
