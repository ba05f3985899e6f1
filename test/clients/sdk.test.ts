/** The AWS SDK for JavaScript, unchanged, over HTTP to a served process. */
import { rm } from 'node:fs/promises'
import test from 'ava'
import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisabledException,
  DisableKeyCommand,
  DryRunOperationException,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateRandomCommand,
  IncorrectKeyException,
  InvalidCiphertextException,
  KMSClient,
  KMSServiceException,
  ListKeysCommand,
  NotFoundException,
  paginateListAliases,
  paginateListKeys,
  paginateListResourceTags,
  ReEncryptCommand,
  ScheduleKeyDeletionCommand,
  TagResourceCommand,
  UnsupportedOperationException,
} from '@aws-sdk/client-kms'
import { serve } from '../helpers/served.ts'
import { ACCOUNT, OTHER_ACCOUNT, REGION, scene } from './environment.ts'

const { folder, config } = scene()
const SECRET = new TextEncoder().encode('a secret')
const CONTEXT = { tenant: 'örebro' }
const server = await serve(['--config', config])
const kms = client()

test.after.always(async () => {
  kms.destroy()
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

function client(options: { key?: string; secret?: string; region?: string } = {}): KMSClient {
  const { key = 'test', secret = 'test', region = REGION } = options
  const credentials = { accessKeyId: key, secretAccessKey: secret }
  return new KMSClient({ endpoint: server.url, region, credentials, maxAttempts: 1 })
}

async function newKey(from = kms) {
  const { KeyMetadata: key } = await from.send(new CreateKeyCommand({}))
  return { KeyId: key?.KeyId ?? '', Arn: key?.Arn ?? '', account: key?.AWSAccountId, made: key?.CreationDate }
}

test('a key is created with dates that are dates', async (t) => {
  const { KeyId, Arn, made } = await newKey()
  t.is(Arn, `arn:aws:kms:${REGION}:${ACCOUNT}:key/${KeyId}`)
  t.true(made instanceof Date && Math.abs(Date.now() - made.getTime()) < 60_000)
  const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: Arn }))
  t.deepEqual(KeyMetadata?.CreationDate, made)
})

test('encrypt and decrypt, with and without naming the key', async (t) => {
  const { KeyId, Arn } = await newKey()
  const sealed = await kms.send(new EncryptCommand({ KeyId, Plaintext: SECRET, EncryptionContext: CONTEXT }))
  for (const naming of [{}, { KeyId }, { KeyId: Arn }]) {
    const { CiphertextBlob } = sealed
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext: CONTEXT, ...naming }))
    t.deepEqual(opened.Plaintext, SECRET)
    t.is(opened.KeyId, Arn)
  }
})

test('refusals are the exceptions of the SDK', async (t) => {
  const [key, other] = [await newKey(), await newKey()]
  const { KeyId } = key
  const { CiphertextBlob } = await kms.send(
    new EncryptCommand({ KeyId, Plaintext: SECRET, EncryptionContext: CONTEXT }),
  )
  const wrongContext = await t.throwsAsync(kms.send(new DecryptCommand({ CiphertextBlob })), {
    instanceOf: InvalidCiphertextException,
  })
  t.is(wrongContext.$metadata.httpStatusCode, 400)
  t.regex(wrongContext.$metadata.requestId ?? '', /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/)
  await t.throwsAsync(
    kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext: CONTEXT, KeyId: other.KeyId })),
    { instanceOf: IncorrectKeyException },
  )
  await t.throwsAsync(kms.send(new EncryptCommand({ KeyId, Plaintext: SECRET, DryRun: true })), {
    instanceOf: DryRunOperationException,
  })
  await t.throwsAsync(kms.send(new DescribeKeyCommand({ KeyId: 'alias/nobody' })), { instanceOf: NotFoundException })
  await t.throwsAsync(kms.send(new CreateKeyCommand({ KeySpec: 'SM2', KeyUsage: 'SIGN_VERIFY' })), {
    instanceOf: UnsupportedOperationException,
  })
  await kms.send(new DisableKeyCommand({ KeyId }))
  await t.throwsAsync(kms.send(new EncryptCommand({ KeyId, Plaintext: SECRET })), {
    instanceOf: DisabledException,
    message: `${key.Arn} is disabled.`,
  })
})

test('what the model does not list arrives by name', async (t) => {
  const failure = await t.throwsAsync(kms.send(new GenerateRandomCommand({ NumberOfBytes: 0 })), {
    instanceOf: KMSServiceException,
  })
  t.is(failure.name, 'ValidationException')
  t.is(
    failure.message,
    "1 validation error detected: Value '0' at 'numberOfBytes' failed to satisfy constraint: " +
      'Member must have value greater than or equal to 1',
  )
  await t.throwsAsync(client({ secret: 'guessed' }).send(new ListKeysCommand({})), {
    name: 'InvalidSignatureException',
  })
  await t.throwsAsync(client({ key: 'nobody' }).send(new ListKeysCommand({})), { name: 'UnrecognizedClientException' })
})

test('paginators walk keys, aliases and tags', async (t) => {
  const mine = new Set<string>()
  while (mine.size < 5) mine.add((await newKey()).KeyId)
  const [KeyId = ''] = mine

  const keys = await collect(paginateListKeys({ client: kms, pageSize: 2 }, {}), (page) => page.Keys)
  t.true(keys.pages > 2)
  const seen = keys.items.map((key) => key.KeyId)
  t.is(new Set(seen).size, seen.length)
  t.true([...mine].every((id) => seen.includes(id)))

  const names = ['a', 'b', 'c'].map((letter) => `alias/sdk-${letter}-${KeyId}`)
  for (const AliasName of names) await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: KeyId }))
  const aliases = await collect(paginateListAliases({ client: kms, pageSize: 1 }, { KeyId }), (page) => page.Aliases)
  t.deepEqual(aliases.items.map((alias) => alias.AliasName).sort(), names)

  const Tags = ['a', 'b', 'c'].map((TagKey) => ({ TagKey, TagValue: '' }))
  await kms.send(new TagResourceCommand({ KeyId, Tags }))
  const tags = await collect(paginateListResourceTags({ client: kms, pageSize: 1 }, { KeyId }), (page) => page.Tags)
  t.deepEqual(tags.items, Tags)
})

test('a data key opens to its plaintext, and moves under another key', async (t) => {
  const [first, second] = [await newKey(), await newKey()]
  const made = await kms.send(new GenerateDataKeyCommand({ KeyId: first.KeyId, KeySpec: 'AES_256' }))
  t.is(made.Plaintext?.length, 32)
  const { CiphertextBlob } = made
  const moved = await kms.send(new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: second.Arn }))
  t.is(moved.SourceKeyId, first.Arn)
  const opened = await kms.send(new DecryptCommand({ CiphertextBlob: moved.CiphertextBlob, KeyId: second.KeyId }))
  t.deepEqual(opened.Plaintext, made.Plaintext)
})

test('a deletion is scheduled as a date and cancelled', async (t) => {
  const { KeyId, Arn } = await newKey()
  const { DeletionDate } = await kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 30 }))
  t.is(Math.round(((DeletionDate?.getTime() ?? 0) - Date.now()) / 86_400_000), 30)
  t.is((await kms.send(new CancelKeyDeletionCommand({ KeyId }))).KeyId, Arn)
})

test('accounts and Regions are worlds of their own', async (t) => {
  const { KeyId } = await newKey()
  const [account, region] = [client({ key: OTHER_ACCOUNT }), client({ region: 'us-west-2' })]
  t.is((await newKey(account)).account, OTHER_ACCOUNT)
  t.regex((await newKey(region)).Arn, new RegExp(`^arn:aws:kms:us-west-2:${ACCOUNT}:key/`))
  for (const elsewhere of [account, region]) {
    await t.throwsAsync(elsewhere.send(new DescribeKeyCommand({ KeyId })), { instanceOf: NotFoundException })
  }
})

test('a hundred calls at once on kept connections', async (t) => {
  const { KeyId } = await newKey()
  const texts = Array.from({ length: 100 }, (_, index) => new TextEncoder().encode(`message ${index}`))
  const opened = await Promise.all(
    texts.map(async (Plaintext) => {
      const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId, Plaintext }))
      return (await kms.send(new DecryptCommand({ CiphertextBlob }))).Plaintext
    }),
  )
  t.deepEqual(opened, texts)
})

async function collect<Page, Item>(pages: AsyncIterable<Page>, items: (page: Page) => Item[] | undefined) {
  const all: Item[] = []
  let count = 0
  for await (const page of pages) {
    count += 1
    all.push(...(items(page) ?? []))
  }
  return { items: all, pages: count }
}
