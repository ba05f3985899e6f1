/** EBS for boto3 and the AWS CLI, unchanged, against a served process. */
import { execFile } from 'node:child_process'
import { open, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { volume as strongroomVolume } from '../../../src/cli/volume.ts'
import { clientEnvironment, program, REGION, scene } from '../../clients/environment.ts'
import { told } from '../../clients/told.ts'
import { serve } from '../../helpers/served.ts'
import { tool } from '../../helpers/tools.ts'

const { folder, config } = scene()
const server = await serve(['--config', config])
const env = { ...clientEnvironment(server.url, folder), AWS_ENDPOINT_URL_EC2: server.url }
const script = fileURLToPath(new URL('ebs.py', import.meta.url))
const { verdicts, played, errors } = await told(script, env)

test.after.always(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

for (const { name, ok, error } of verdicts) {
  test(`boto3: ${name}`, (t) => {
    t.true(ok, error)
  })
}

test('boto3 told its story to the end', (t) => {
  t.is(errors, '')
  t.true(verdicts.length > 0)
  t.is(played, verdicts.length)
})

test('the AWS CLI makes, attaches, keeps, copies and deletes', async (t) => {
  const zone = ['--availability-zone', `${REGION}a`]
  const tags = 'ResourceType=volume,Tags=[{Key=team,Value=blue},{Key=ward,Value=7}]'
  const made = await json(...['create-volume', ...zone, '--size', '1', '--encrypted', '--tag-specifications', tags])
  const id = made.VolumeId as string
  t.like(made, {
    Size: 1,
    Encrypted: true,
    Tags: [
      { Key: 'team', Value: 'blue' },
      { Key: 'ward', Value: '7' },
    ],
  })
  await aws('wait', 'volume-available', '--volume-ids', id)
  const at = ['--instance-id', 'i-0123456789abcdef0', '--device', '/dev/sdf']
  t.like(await json('attach-volume', '--volume-id', id, ...at), { State: 'attached', VolumeId: id })
  const filters = ['--filters', 'Name=attachment.instance-id,Values=i-0123456789abcdef0']
  t.is(await text('describe-volumes', ...filters, '--query', 'Volumes[0].Attachments[0].Device'), '/dev/sdf')
  const snapshot = await text('create-snapshot', '--volume-id', id, '--query', 'SnapshotId')
  const from = ['--source-region', REGION, '--source-snapshot-id', snapshot]
  const copy = await text('copy-snapshot', ...from, '--query', 'SnapshotId')
  t.is(await text('describe-snapshots', '--snapshot-ids', copy, '--query', 'Snapshots[0].State'), 'completed')
  t.is(await text('detach-volume', '--volume-id', id, '--query', 'State'), 'detached')
  t.is((await aws('delete-volume', '--volume-id', id)).code, 0)
  t.is(await text('get-ebs-encryption-by-default', '--query', 'EbsEncryptionByDefault'), 'False')
})

test('the AWS CLI hears no in the words of EC2', async (t) => {
  const { code, complaint } = await aws('delete-volume', '--volume-id', 'vol-01234567')
  t.is(code, 255)
  t.regex(complaint, /\(InvalidVolume\.NotFound\) when calling the DeleteVolume operation: The volume 'vol-01234567'/)
})

test('a server that is killed has stopped its instances when it is back, and what was flushed is there', async (t) => {
  const data = join(folder, 'killed')
  const records = join(folder, 'records')
  await writeFile(records, 'record of a patient; '.repeat(100))
  const first = await serve([], { data })
  const volume = async ({ url }: { url: string }, ...args: string[]): Promise<string> => {
    let out = ''
    await strongroomVolume([...args, '--endpoint-url', url], { env: {}, now: Date.now, out: (text) => (out += text) })
    return out.trim()
  }
  const id = await volume(first, 'create', '--size', '1', '--encrypted')
  const uri = await volume(first, 'attach', '--volume', id)
  await tool('nbdcopy', '--flush', records, uri)
  await first.kill()

  const second = await serve([], { data })
  t.teardown(() => second.stop())
  t.regex(await volume(second, 'list'), new RegExp(`^${id}  1  available  arn:\\S+  -$`))
  const snapshot = await volume(second, 'snapshot', '--volume', id)
  const restored = await volume(second, 'create', '--snapshot', snapshot)
  const again = await volume(second, 'attach', '--volume', restored)
  await tool('nbdcopy', '--sparse=4096', again, join(folder, 'out'))
  const out = await open(join(folder, 'out'))
  const { buffer } = await out.read(Buffer.alloc(21 * 100), 0, 21 * 100, 0)
  await out.close()
  t.is(buffer.toString(), await readFile(records, 'utf8'))
})

interface Answer {
  readonly code: number
  readonly text: string
  readonly complaint: string
}

function aws(...args: string[]): Promise<Answer> {
  return new Promise((resolve) => {
    execFile(program('aws'), ['ec2', ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), text: stdout, complaint: stderr })
    })
  })
}

async function answered(...args: string[]): Promise<string> {
  const { code, text, complaint } = await aws(...args)
  if (code !== 0) throw new Error(complaint)
  return text
}

async function json(...args: string[]): Promise<Record<string, unknown>> {
  return JSON.parse(await answered(...args, '--output', 'json')) as Record<string, unknown>
}

async function text(...args: string[]): Promise<string> {
  return (await answered(...args, '--output', 'text')).trim()
}
