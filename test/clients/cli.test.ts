/** The AWS CLI, unchanged, against a served process: files in and out, pages, exit codes. */
import { execFile } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { serve } from '../helpers/served.ts'
import { ACCOUNT, clientEnvironment, OTHER_ACCOUNT, program, REGION, scene } from './environment.ts'

const { folder, config } = scene()
const server = await serve(['--config', config])

test.after.always(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

interface Answer {
  readonly code: number
  readonly text: string
  readonly complaint: string
}

interface Key {
  readonly KeyId: string
  readonly Arn: string
  readonly KeyState: string
  readonly AWSAccountId: string
}

test('a key is created and described, found through the environment alone', async (t) => {
  const key = await newKey('--description', 'from the CLI')
  t.is(key.Arn, `arn:aws:kms:${REGION}:${ACCOUNT}:key/${key.KeyId}`)
  t.is(await text('describe-key', '--key-id', key.KeyId, '--query', 'KeyMetadata.Description'), 'from the CLI')
})

test('--endpoint-url does as well as the variable', async (t) => {
  const key = await newKey()
  const env = { ...clientEnvironment(server.url, folder), AWS_ENDPOINT_URL_KMS: 'http://127.0.0.1:1' }
  const answer = await aws(['kms', 'describe-key', '--key-id', key.KeyId, '--endpoint-url', server.url], env)
  t.is(answer.code, 0, answer.complaint)
})

test('a file is encrypted from fileb:// and decrypted to the same bytes', async (t) => {
  const key = await newKey()
  const plain = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  await writeFile(file('plain'), plain)
  await writeFile(file('context.json'), JSON.stringify({ tenant: 'örebro', purpose: 'a file' }))
  const context = ['--encryption-context', `file://${file('context.json')}`]

  const sealed = await text(
    ...['encrypt', '--key-id', key.KeyId, '--plaintext', `fileb://${file('plain')}`, ...context],
    ...['--query', 'CiphertextBlob'],
  )
  await writeFile(file('sealed'), Buffer.from(sealed, 'base64'))
  const opened = await text(
    ...['decrypt', '--ciphertext-blob', `fileb://${file('sealed')}`, ...context, '--query', 'Plaintext'],
  )
  t.deepEqual(Buffer.from(opened, 'base64'), plain)

  const answer = await kms('decrypt', '--ciphertext-blob', `fileb://${file('sealed')}`)
  t.is(answer.code, 255)
  t.regex(answer.complaint, /\(InvalidCiphertextException\) when calling the Decrypt operation/)
})

test('a policy is put from file:// and read back as text', async (t) => {
  const key = await newKey()
  const policy = await text('get-key-policy', '--key-id', key.KeyId, '--policy-name', 'default', '--query', 'Policy')
  t.true(policy.includes(`arn:aws:iam::${ACCOUNT}:root`), policy)
  await writeFile(
    file('policy.json'),
    JSON.stringify({ ...(JSON.parse(policy) as object), Id: 'from-a-file' }, null, 2),
  )
  const put = await kms(
    ...['put-key-policy', '--key-id', key.KeyId, '--policy-name', 'default'],
    ...['--policy', `file://${file('policy.json')}`],
  )
  t.is(put.code, 0, put.complaint)
  const read = await json<{ Policy: string }>('get-key-policy', '--key-id', key.KeyId, '--policy-name', 'default')
  t.is(read.Policy, await readFile(file('policy.json'), 'utf8'))
})

test('--page-size walks every page, --max-items stops and --starting-token goes on', async (t) => {
  const key = await newKey()
  const names = ['a', 'b', 'c', 'd', 'e'].map((letter) => `alias/cli-${letter}-${key.KeyId}`)
  for (const name of names) {
    const made = await kms('create-alias', '--alias-name', name, '--target-key-id', key.KeyId)
    t.is(made.code, 0, made.complaint)
  }
  const list = ['list-aliases', '--key-id', key.KeyId, '--page-size', '2']
  interface Page {
    readonly Aliases: readonly { readonly AliasName: string }[]
    readonly NextToken?: string
  }
  const all = await json<Page>(...list)
  t.deepEqual(all.Aliases.map((alias) => alias.AliasName).sort(), names)

  const first = await json<Page>(...list, '--max-items', '3')
  t.is(first.Aliases.length, 3)
  const rest = await json<Page>(...list, '--starting-token', first.NextToken ?? '')
  t.deepEqual([...first.Aliases, ...rest.Aliases].map((alias) => alias.AliasName).sort(), names)
})

test('tags are written in shorthand and listed', async (t) => {
  const key = await newKey('--tags', 'TagKey=team,TagValue=blue')
  await kms('tag-resource', '--key-id', key.KeyId, '--tags', 'TagKey=stage,TagValue=test')
  const { Tags } = await json<{ Tags: { TagKey: string; TagValue: string }[] }>(
    'list-resource-tags',
    '--key-id',
    key.KeyId,
  )
  t.deepEqual(
    new Map(Tags.map((tag) => [tag.TagKey, tag.TagValue])),
    new Map([
      ['team', 'blue'],
      ['stage', 'test'],
    ]),
  )
})

test('a data key comes in both forms, and its sealed form opens to the plain one', async (t) => {
  const key = await newKey()
  const made = await json<{ Plaintext: string; CiphertextBlob: string }>(
    ...['generate-data-key', '--key-id', key.Arn, '--key-spec', 'AES_256'],
  )
  await writeFile(file('data-key'), Buffer.from(made.CiphertextBlob, 'base64'))
  const opened = await text('decrypt', '--ciphertext-blob', `fileb://${file('data-key')}`, '--query', 'Plaintext')
  t.is(opened, made.Plaintext)
})

test('a key is scheduled for deletion and saved', async (t) => {
  const key = await newKey()
  const state = ['describe-key', '--key-id', key.KeyId, '--query', 'KeyMetadata.KeyState']
  await json('schedule-key-deletion', '--key-id', key.KeyId, '--pending-window-in-days', '7')
  t.is(await text(...state), 'PendingDeletion')
  await json('cancel-key-deletion', '--key-id', key.KeyId)
  t.is(await text(...state), 'Disabled')
})

test('a key that is not there ends with 255 and the words of AWS', async (t) => {
  const nobody = '12345678-1234-1234-1234-123456789012'
  const answer = await kms('describe-key', '--key-id', nobody)
  t.is(answer.code, 255)
  const words = `Key 'arn:aws:kms:${REGION}:${ACCOUNT}:key/${nobody}' does not exist`
  t.true(answer.complaint.includes(`(NotFoundException) when calling the DescribeKey operation: ${words}`))
})

test('another access key is another account, and a wrong secret is nobody', async (t) => {
  const theirs = clientEnvironment(server.url, folder, OTHER_ACCOUNT)
  const made = await aws(['kms', 'create-key', '--output', 'json'], theirs)
  t.is((JSON.parse(made.text) as { KeyMetadata: Key }).KeyMetadata.AWSAccountId, OTHER_ACCOUNT)

  const forged = await aws(['kms', 'list-keys'], { ...theirs, AWS_SECRET_ACCESS_KEY: 'guessed' })
  t.is(forged.code, 255)
  t.regex(forged.complaint, /\(InvalidSignatureException\)/)
})

async function newKey(...options: string[]): Promise<Key> {
  return (await json<{ KeyMetadata: Key }>('create-key', ...options)).KeyMetadata
}

async function json<T>(...args: string[]): Promise<T> {
  return JSON.parse(await output(...args, '--output', 'json')) as T
}

async function text(...args: string[]): Promise<string> {
  return (await output(...args, '--output', 'text')).trim()
}

/** What a call that has to succeed printed. */
async function output(...args: string[]): Promise<string> {
  const answer = await kms(...args)
  if (answer.code !== 0) throw new Error(`aws kms ${args.join(' ')} ended with ${answer.code}: ${answer.complaint}`)
  return answer.text
}

function kms(...args: string[]): Promise<Answer> {
  return aws(['kms', ...args], clientEnvironment(server.url, folder))
}

function aws(args: string[], env: Record<string, string>): Promise<Answer> {
  return new Promise((resolve) => {
    execFile(program('aws'), args, { env }, (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code)
      resolve({ code, text: stdout, complaint: stderr })
    })
  })
}

function file(name: string): string {
  return join(folder, name)
}
