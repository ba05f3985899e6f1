/** A folder of the system's for a room, until the test has ended. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'

export async function temporary(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-s3-'))
  // The room closes first: what is torn down is so in reverse.
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'data')
}
