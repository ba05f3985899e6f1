/** An open disk's key is in no memory that can be read: a process that has one open, and used it, is searched. */
import test from 'ava'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { searchMemory } from '../../helpers/memory.ts'

test('the key of an open disk is found nowhere in the process', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-disk-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const args = ['--import=ts-blank-space/register', 'test/services/disk/open.ts', join(folder, 'volume')]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => child.kill())
  const [said] = (await once(child.stdout, 'data')) as [Buffer]
  const { masked } = JSON.parse(said.toString()) as { masked: string }
  const key = Buffer.from(Buffer.from(masked, 'hex').map((byte) => byte ^ 0xa5))
  const halves = [key.subarray(0, 32), key.subarray(32)]
  const { found } = searchMemory(child.pid!, [...halves, Buffer.from('a canary that is written')])
  t.deepEqual(found, [false, false, true], 'neither half is found; the canary is')
})
