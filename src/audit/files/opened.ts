/** What a data folder keeps of the trail, opened to be read: without serving anything, and beside a server, if need be. */
import { join } from 'node:path'
import { openSqlite } from '../../store/sqlite.ts'
import { openExisting, storePath } from '../../vault.ts'
import type { Kept } from '../query.ts'

export interface OpenTrail extends Kept {
  readonly folder: string
  close(): Promise<void>
}

export function trailFolder(data: string): string {
  return join(data, 'trail')
}

/** The files, and the store unless somebody else has it open. */
export async function openTrail(data: string, rootSecret?: Uint8Array): Promise<OpenTrail> {
  const folder = trailFolder(data)
  const hsm = await openExisting(data, rootSecret, {})
  try {
    const store = await openSqlite(storePath(data), hsm)
    let closed: Promise<void> | undefined
    return { folder, store, close: () => (closed ??= store.close().then(() => hsm.close())) }
  } catch (error) {
    hsm.close()
    if ((error as { code?: string }).code !== 'StoreLocked') throw error
    return { folder, close: () => Promise.resolve() }
  }
}
