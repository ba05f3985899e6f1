/** `strongroom volume`, end to end: against a room that listens, and with nbdcopy at the other end of the socket. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { UsageError } from '../../../src/cli/flags.ts'
import { volume, VOLUME_HELP } from '../../../src/cli/volume.ts'
import { Strongroom } from '../../../src/index.ts'
import { tool } from '../../helpers/tools.ts'

const START = Date.UTC(2026, 0, 1)
const RECORDS = Buffer.alloc(100_000, 'record of a patient; ')

async function scene(t: ExecutionContext) {
  const room = await Strongroom.open({ memory: true, now: () => new Date(START) })
  t.teardown(() => room.close())
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-volume-'))
  t.teardown(() => rm(folder, { recursive: true }))
  /** What the command prints, without the end of its line. */
  const run = async (...args: string[]): Promise<string> => {
    let out = ''
    const code = await volume(args, {
      env: {},
      // The room's clock was set; that of the terminal was not.
      now: () => START + 86_400_000,
      fetch: (url, request) => room.fetch(new Request(url, request)),
      out: (text) => (out += text),
    })
    t.is(code, 0)
    return out.replace(/\n$/, '')
  }
  return { room, run, file: (name: string) => join(folder, name) }
}

test('records go into a volume and come out of a copy of its snapshot under another key', async (t) => {
  const { room, run, file } = await scene(t)
  await writeFile(file('in'), RECORDS)
  const id = await run('create', '--size', '1', '--encrypted')
  t.regex(id, /^vol-[0-9a-f]{17}$/)
  const uri = await run('attach', '--volume', id)
  t.regex(uri, /^nbd\+unix:\/\/\/vol-/)
  t.is((await tool('nbdinfo', '--size', uri)).trim(), `${1024 ** 3}`)
  await tool('nbdcopy', '--flush', file('in'), uri)
  const snapshot = await run('snapshot', '--volume', id, '--description', 'nightly')
  t.is(await run('detach', '--volume', id), id)

  const key = (await room.createKey({})).KeyMetadata!.Arn!
  const copy = await run('copy', '--snapshot', snapshot, '--key', key)
  t.is(await run('delete', '--snapshot', snapshot), snapshot)
  const restored = await run('create', '--snapshot', copy, '--zone', 'b')
  const again = await run('attach', '--volume', restored, '--instance', 'i-0123456789abcdef0', '--device', '/dev/sdg')
  await tool('nbdcopy', '--sparse=4096', again, file('out'))
  t.true((await readFile(file('out'))).subarray(0, RECORDS.length).equals(RECORDS))

  const lines = (await run('list')).split('\n').toSorted()
  const managed = (await room.describeKey({ KeyId: 'alias/aws/ebs' })).KeyMetadata!.Arn
  const expected = [`${id}  1  available  ${managed}  -`, `${restored}  1  in-use  ${key}  ${again}`]
  t.deepEqual(lines, expected.toSorted())
  t.is(await run('list', '--snapshots'), `${copy}  1  completed  ${key}  vol-ffffffff`)
  t.like(JSON.parse(await run('list', '--json')), { volumeSet: { item: [{ size: '1' }, { size: '1' }] } })
})

test('nothing is listed where there is nothing', async (t) => {
  const { run } = await scene(t)
  t.is(await run('list'), '')
})

test('what the server refuses is told in its words', async (t) => {
  const { run } = await scene(t)
  await t.throwsAsync(run('attach', '--volume', 'vol-01234567'), {
    message: "http://localhost:4599 says InvalidVolume.NotFound: The volume 'vol-01234567' does not exist.",
  })
})

for (const args of [
  [],
  ['destroy'],
  ['constructor'],
  ['attach'],
  ['snapshot', '--description', 'x'],
  ['delete'],
  ['delete', '--volume', 'vol-01234567', '--snapshot', 'snap-01234567'],
  ['create', '--size'],
  ['create', '--volume', 'vol-01234567'],
  ['list', '--endpoint-url', 'here'],
]) {
  test(`\`volume ${args.join(' ')}\` is not understood, and nothing is sent`, async (t) => {
    const world = { env: {}, now: () => START, out: () => undefined, fetch: () => Promise.reject(new Error('sent')) }
    await t.throwsAsync(volume(args, world), { instanceOf: UsageError })
  })
}

test('help names every verb', (t) => {
  for (const name of ['create', 'attach', 'detach', 'snapshot', 'copy', 'list', 'delete']) {
    t.true(VOLUME_HELP.includes(`\nvolume ${name}: `), name)
  }
})
