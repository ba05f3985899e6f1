/** Opening what a data folder keeps of the trail: with the store when nobody else has it, and beside a server without. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { openTrail, trailFolder } from '../../src/audit/files/opened.ts'
import { query } from '../../src/audit/query.ts'
import { Strongroom } from '../../src/index.ts'
import { VaultError } from '../../src/vault.ts'

async function folder(t: ExecutionContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'strongroom-opened-'))
  t.teardown(() => rm(made, { recursive: true, force: true }))
  return made
}

async function namesIn(data: string): Promise<string[]> {
  const trail = await openTrail(data)
  const names: string[] = []
  for await (const { record } of query(trail)) names.push(record.eventName)
  await trail.close()
  return names
}

test('what happened in a room is there when it is closed', async (t) => {
  const data = await folder(t)
  const room = await Strongroom.open({ data })
  const { KeyMetadata } = await room.createKey({})
  await room.describeKey({ KeyId: KeyMetadata!.KeyId })
  await room.close()
  t.deepEqual(await namesIn(data), ['CreateKey', 'DescribeKey'])
  // Nothing was taken: the room opens, and so does its trail once more.
  await (await Strongroom.open({ data })).close()
  t.deepEqual(await namesIn(data), ['CreateKey', 'DescribeKey'])
})

test('beside a room that is open, the files alone are seen', async (t) => {
  const data = await folder(t)
  const room = await Strongroom.open({ data })
  t.teardown(() => room.close())
  const trail = await openTrail(data)
  t.is(trail.store, undefined)
  t.is(trail.folder, trailFolder(data))
  await trail.close()
})

test('a folder that is no room is not made one', async (t) => {
  const error = await t.throwsAsync(openTrail(await folder(t)), { instanceOf: VaultError })
  t.is(error.code, 'DomainMissing')
})
