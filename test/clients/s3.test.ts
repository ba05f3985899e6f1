/** S3 for boto3 and the AWS CLI, unchanged, against a served process; the bytes it keeps are looked at as well. */
import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { serve } from '../helpers/served.ts'
import { ACCOUNT, clientEnvironment, program, REGION, scene } from './environment.ts'
import { told } from './told.ts'

const CONFIG = `accounts:
  - id: '${ACCOUNT}'
    accessKeys: [{ id: test, secret: test }]
    users:
      - name: reader
        accessKeys: [{ id: AKIAREADER, secret: reader }]
        policies:
          - name: s3
            document: { Version: '2012-10-17', Statement: [{ Effect: Allow, Action: 's3:*', Resource: '*' }] }
`

const { folder, config } = scene()
await writeFile(config, CONFIG)
const server = await serve(['--config', config])
const env = {
  ...clientEnvironment(server.url, folder),
  AWS_ENDPOINT_URL_S3: server.url,
}
const script = fileURLToPath(new URL('s3/s3.py', import.meta.url))
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

test('boto3: the story was told to its end', (t) => {
  t.is(errors, '')
  t.true(verdicts.length > 0)
  t.is(played, verdicts.length)
})

test('what is kept holds none of what was put', async (t) => {
  const entries = await readdir(join(server.data, 's3'), { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  t.true(files.length > 0)
  for (const file of files) t.false((await readFile(file)).includes('the record of a patient'), file)
})

test('the CLI copies files up and down, of any size', async (t) => {
  await aws('s3', 'mb', 's3://copies')
  for (const [name, bytes] of Object.entries({
    'small & ümlaut +.txt': Buffer.from('hello'),
    large: Buffer.alloc(20 * 1024 * 1024, 'the record of a patient'),
  })) {
    await writeFile(join(folder, name), bytes)
    await aws('s3', 'cp', join(folder, name), `s3://copies/dir/${name}`, '--sse', 'aws:kms')
    await aws('s3', 'cp', `s3://copies/dir/${name}`, `s3://copies/again/${name}`)
    await aws('s3', 'cp', `s3://copies/again/${name}`, join(folder, 'down'))
    t.true((await readFile(join(folder, 'down'))).equals(bytes), name)
  }
  t.regex(await aws('s3', 'ls', 's3://copies/dir/'), /5 small & ümlaut \+\.txt\n/)
})

test('the CLI copies from bucket to bucket, tags and all', async (t) => {
  for (const bucket of ['from', 'onto']) await aws('s3', 'mb', `s3://${bucket}-here`)
  const bytes = Buffer.alloc(9 * 1024 * 1024, 'the record of a patient')
  await writeFile(join(folder, 'x'), bytes)
  await aws('s3', 'cp', join(folder, 'x'), 's3://from-here/x')
  const tagging = 'TagSet=[{Key=ward,Value=a b}]'
  await aws('s3api', 'put-object-tagging', '--bucket', 'from-here', '--key', 'x', '--tagging', tagging)
  await aws('s3', 'cp', 's3://from-here/x', 's3://onto-here/x')
  await aws('s3', 'cp', 's3://onto-here/x', join(folder, 'y'))
  t.true((await readFile(join(folder, 'y'))).equals(bytes))
  const at = ['--bucket', 'from-here', '--key', 'x']
  await aws('s3api', 'copy-object', '--copy-source', 'from-here/x', '--bucket', 'onto-here', '--key', 'z')
  for (const [place, key] of [
    ['onto-here', 'z'],
    ['from-here', 'x'],
  ] as const)
    t.regex(await aws('s3api', 'get-object-tagging', '--bucket', place, '--key', key), /"Value": "a b"/)
  await aws('s3api', 'delete-object-tagging', ...at)
  t.deepEqual(JSON.parse(await aws('s3api', 'get-object-tagging', ...at)), { TagSet: [] })
  const owned = (owner: string) => aws('s3api', 'head-object', ...at, '--expected-bucket-owner', owner)
  t.regex(await owned(ACCOUNT), /"ContentLength": 9437184/)
  await t.throwsAsync(owned('999988887777'), { message: /403/ })
})

test('the CLI keeps folders in step', async (t) => {
  const [here, there] = [join(folder, 'here'), join(folder, 'there')]
  await mkdir(join(here, 'deep er'), { recursive: true })
  await writeFile(join(here, 'a'), 'a')
  await writeFile(join(here, 'deep er', 'b'), 'b')
  await aws('s3', 'mb', 's3://steps')
  const first = await aws('s3', 'sync', here, 's3://steps/x', '--no-progress')
  t.is(first.match(/^upload/gm)?.length, 2)
  t.is(await aws('s3', 'sync', here, 's3://steps/x', '--no-progress'), '', 'there is nothing left to do')
  await rm(join(here, 'a'))
  t.regex(await aws('s3', 'sync', here, 's3://steps/x', '--delete', '--no-progress'), /^delete: s3:\/\/steps\/x\/a\n$/)
  await aws('s3', 'sync', 's3://steps/x', there)
  t.deepEqual(await readdir(there, { recursive: true }), ['deep er', join('deep er', 'b')])
  await aws('s3', 'rb', 's3://steps', '--force')
  t.notRegex(await aws('s3', 'ls'), /steps/)
})

test('the CLI asks for single operations', async (t) => {
  const api = async (...args: string[]): Promise<unknown> => JSON.parse((await aws('s3api', ...args)) || 'null')
  const configuration = { LocationConstraint: REGION }
  await api('create-bucket', '--bucket', 'single', '--create-bucket-configuration', JSON.stringify(configuration))
  const of = ['--bucket', 'single', '--key', 'k']
  await writeFile(join(folder, 'body'), '0123456789')
  await api('put-object', ...of, '--body', join(folder, 'body'), '--metadata', 'patient=one')
  t.like(await api('head-object', ...of), { ContentLength: 10, Metadata: { patient: 'one' } })
  const part = await api('get-object', ...of, '--range', 'bytes=2-4', join(folder, 'part'))
  t.like(part, { ContentRange: 'bytes 2-4/10' })
  t.is(await readFile(join(folder, 'part'), 'utf8'), '234')
  const principal = { AWS: `arn:aws:iam::${ACCOUNT}:root` }
  const Resource = 'arn:aws:s3:::single/*'
  const statement = { Effect: 'Allow', Principal: principal, Action: 's3:GetObject', Resource }
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] })
  await api('put-bucket-policy', '--bucket', 'single', '--policy', Policy)
  t.deepEqual(await api('get-bucket-policy', '--bucket', 'single'), { Policy })
  await t.throwsAsync(api('get-object-acl', ...of), { message: /\(NotImplemented\) when calling the GetObjectAcl/ })
  await t.throwsAsync(api('get-object', ...of, '--if-match', '"x"', join(folder, 'part')), {
    message: /\(PreconditionFailed\)/,
  })
})

/** What the CLI prints; it throws what the CLI complains of. */
function aws(...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program('aws'), args, { env }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${args.join(' ')}: ${stderr}`))
      else resolve(stdout)
    })
  })
}
