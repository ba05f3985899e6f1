/** The program, from the outside: a grant for a while, who did what, why somebody may not; on one data folder. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { KMS } from '@aws-sdk/client-kms'
import { served } from '../helpers/served.ts'

const PROGRAM = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const CONFIG = `accounts:
  - id: '000000000000'
    accessKeys: [{ id: test, secret: test }]
    users: [{ name: guest, accessKeys: [{ id: AKIDGUEST, secret: guest }] }]
`

interface Ran {
  readonly code: number
  readonly out: string
  readonly error: string
}

function run(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...args], { env: { ...process.env, ...env } }, (problem, out, error) => {
      resolve({ code: problem ? Number(problem.code) : 0, out, error })
    })
  })
}

test('a grant is made for a while, used, and told of; and whoever may not is told why', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'strongroom-program-'))
  t.teardown(() => rm(data, { recursive: true, force: true }))
  const config = join(data, 'config.yaml')
  await writeFile(config, CONFIG)
  const server = await served(t, ['--config', config], { data })
  const client = (accessKeyId: string, secretAccessKey: string) => {
    const made = new KMS({
      region: 'us-east-1',
      endpoint: server.url,
      credentials: { accessKeyId, secretAccessKey },
      maxAttempts: 1,
    })
    t.teardown(() => made.destroy())
    return made
  }
  const root = client('test', 'test')
  const guest = client('AKIDGUEST', 'guest')
  const KeyId = (await root.createKey({})).KeyMetadata!.Arn!
  const { CiphertextBlob } = await root.encrypt({ KeyId, Plaintext: Buffer.from('hello') })
  await t.throwsAsync(guest.decrypt({ CiphertextBlob }), { name: 'AccessDeniedException' })

  const grantee = 'arn:aws:iam::000000000000:user/guest'
  const credentials = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'us-east-1' }
  const wanted = ['--key', KeyId, '--grantee', grantee, '--operations', 'Decrypt', '--endpoint-url', server.url]
  const made = await run(['grant', 'create', ...wanted, '--expires-in', '8s'], credentials)
  t.is(made.code, 0, made.error)
  t.regex((JSON.parse(made.out) as { GrantId: string }).GrantId, /^[0-9a-f]{64}$/)
  t.deepEqual(Buffer.from((await guest.decrypt({ CiphertextBlob })).Plaintext!).toString(), 'hello')
  const refused = await run(['grant', 'create', ...wanted], {
    ...credentials,
    AWS_ACCESS_KEY_ID: 'AKIDGUEST',
    AWS_SECRET_ACCESS_KEY: 'guest',
  })
  t.is(refused.code, 1)
  t.regex(refused.error, /AccessDeniedException: User: .*user\/guest is not authorized to perform: kms:CreateGrant/)
  await setTimeout(8100)
  await t.throwsAsync(guest.decrypt({ CiphertextBlob }), { name: 'AccessDeniedException' }, 'eight seconds are over')
  await server.stop()

  const who = await run(['audit', 'who', '--data', data, '--key', KeyId, '--since', '1h'])
  t.is(who.code, 0, who.error)
  const lines = who.out.split('\n').filter((line) => line.includes(' Decrypt '))
  t.is(lines.length, 3, who.out)
  t.is(lines.filter((line) => line.includes('AccessDenied')).length, 2)
  t.is((await run(['audit', 'verify', '--data', data])).code, 0)

  const asked = ['explain', '--data', data, '--config', config, '--principal', grantee, '--key', KeyId]
  const why = await run([...asked, '--action', 'kms:Decrypt'])
  t.is(why.code, 1, why.error)
  t.regex(why.out, /^Deny: arn:aws:iam::000000000000:user\/guest kms:Decrypt on arn:/)
  t.regex(why.out, /because no identity-based policy allows the kms:Decrypt action/)
  t.regex(why.out, /applies Allow key policy, `Enable IAM User Permissions`: all of it is met/)
  const may = await run(
    asked
      .map((arg) => (arg === grantee ? 'arn:aws:iam::000000000000:root' : arg))
      .concat('--action', 'kms:Decrypt', '--json'),
  )
  t.is(may.code, 0, may.error)
  t.is((JSON.parse(may.out) as { effect: string }).effect, 'Allow')
})
