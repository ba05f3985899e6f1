/** Clients of volumes that mean harm: more connections than a process can have, and patterns that take for ever. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { Strongroom } from '../../src/index.ts'
import { inputOf } from '../../src/services/ebs/form.ts'

const SCRIPT = fileURLToPath(new URL('crowded.ts', import.meta.url))
const FILES = 64

async function connected(path: string): Promise<Socket> {
  const socket = connect(path)
  socket.on('error', () => undefined)
  await once(socket, 'connect').catch(() => undefined)
  return socket
}

test('more clients than there can be files do not end the process, and when they have gone others are served', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-nbd-'))
  const command = `ulimit -n ${FILES}; exec "$0" --import=ts-blank-space/register "$@"`
  const child = spawn('sh', ['-c', command, process.execPath, SCRIPT, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(async () => {
    child.kill()
    await rm(folder, { recursive: true, force: true })
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const path = line.toString().trim()
  const crowd = await Promise.all(Array.from({ length: 4 * FILES }, () => connected(path)))
  for (const socket of crowd) socket.destroy()
  const last = await connected(path)
  const [greeting] = (await once(last, 'data')) as [Buffer]
  t.is(greeting.toString('latin1', 0, 8), 'NBDMAGIC')
  t.is(child.exitCode, null)
  last.destroy()
})

// Patterns ------------------------------------------------------------------------------------------

const DESCRIPTION = `${'a'.repeat(60)} 50% *off*`
const PATTERNS: [sentence: string, pattern: string, finds: boolean][] = [
  ['a star finds any run of characters', '*off*', true],
  ['a question mark finds one', `${'?'.repeat(60)} 50% *`, true],
  ['a question mark finds no more than one', 'a? 50% *', false],
  ['what is escaped finds itself', '*\\*off\\*', true],
  ['what is escaped finds nothing else', 'a\\*', false],
  ['a backslash at the end is one', '*\\', false],
  ['many stars in a row find what one does, at once', `${'*'.repeat(200)}off*`, true],
  ['many stars find nothing at once', `${'*a'.repeat(40)}*X`, false],
]

for (const [sentence, pattern, finds] of PATTERNS) {
  test(`in a filter ${sentence}`, async (t) => {
    const room = await Strongroom.open()
    t.teardown(() => room.close())
    const { VolumeId } = await room.ebs.createVolume({ Size: 1, AvailabilityZone: 'us-east-1a' })
    await room.ebs.createSnapshot({ VolumeId, Description: DESCRIPTION })
    const { Snapshots } = await room.ebs.describeSnapshots({ Filters: [{ Name: 'description', Values: [pattern] }] })
    t.is(Snapshots.length, finds ? 1 : 0)
  })
}

// Forms ---------------------------------------------------------------------------------------------

const FORMS: [form: string, input: object][] = [
  ['VolumeId.1=a', { VolumeIds: ['a'] }],
  ['VolumeId=a', { VolumeId: 'a' }],
  ['VolumeId.x=a', {}],
  ['VolumeId.1.Name=a', {}],
  ['VolumeIds=a', {}],
  ['Filter.1.Name=a', { Filters: [{ Name: 'a' }] }],
  ['Filter.1.Name.1=a', { Filters: [{}] }],
  ['Filter.1=a', {}],
  ['Filters=a', {}],
  ['Filters.x=a', {}],
  ['Size.1=1', {}],
  ['CreateVolumePermission=a', {}],
  ['CreateVolumePermission.Add=a', { CreateVolumePermission: {} }],
]

for (const [form, told] of FORMS) {
  test(`the form ${form} asks ${JSON.stringify(told)}`, (t) => {
    t.deepEqual(inputOf(new Map(new URLSearchParams(form))) as object, told)
  })
}

// Places --------------------------------------------------------------------------------------------

const PLACES: [sentence: string, user: string, made: boolean][] = [
  ['who may not make a volume leaves no folder', 'nobody', false],
  ['who may leaves one', 'operator', true],
]

for (const [sentence, name, made] of PLACES) {
  test(`in a Region where nothing was yet, ${sentence}`, async (t) => {
    const data = await mkdtemp(join(tmpdir(), 'strongroom-ebs-'))
    t.teardown(() => rm(data, { recursive: true, force: true }))
    const everything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }
    const policies = [{ name: 'all', document: everything }]
    const users = [{ name: 'nobody' }, { name: 'operator', policies }]
    const room = await Strongroom.open({ data, accounts: [{ id: '111122223333', users }] })
    t.teardown(() => room.close())
    const { ebs } = room.as({ arn: `arn:aws:iam::111122223333:user/${name}`, region: 'eu-west-1' })
    const creating = ebs.createVolume({ AvailabilityZone: 'eu-west-1a', Size: 1 })
    await (made ? creating : t.throwsAsync(creating, { code: 'UnauthorizedOperation' }))
    const folders = await readdir(join(data, 'ebs')).catch(() => [])
    t.deepEqual(folders, made ? ['eu-west-1'] : [])
  })
}

// Ends ----------------------------------------------------------------------------------------------

test('of a room that closes while volumes are being attached, none is served on', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'strongroom-ebs-'))
  t.teardown(() => rm(data, { recursive: true, force: true }))
  const zone = { AvailabilityZone: 'us-east-1a' }
  for (let turns = 0; turns < 24; turns += 2) {
    const room = await Strongroom.open({ data })
    const { VolumeId } = await room.ebs.createVolume({ ...zone, Size: 1, Encrypted: true })
    const attaching = room.ebs.attachVolume({ VolumeId, InstanceId: 'i-0123456789abcdef0', Device: '/dev/sdf' })
    const ended = attaching.catch(() => undefined)
    for (let turn = 0; turn < turns; turn++) await setImmediate()
    await room.close()
    await ended
    const socket = await connected(join(data, 'ebs', `${VolumeId}.sock`))
    t.true(socket.destroyed, `${turns} turns of the loop before`)
    socket.destroy()
  }
})
