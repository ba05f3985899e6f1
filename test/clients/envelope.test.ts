/**
 * The AWS Encryption SDK for JavaScript and for Python, unchanged, in front of a room: whoever makes an envelope, the other opens it,
 * and the room's trail tells how often it was asked for that.
 */
import test, { type ExecutionContext } from 'ava'
import { KMS } from '@aws-crypto/client-node'
import { Strongroom } from '../../src/index.ts'
import { ACCOUNT, REGION } from './environment.ts'
import { javascript, over, python, type How, type Speaker } from './envelope/speaker.ts'

const ELSEWHERE = 'us-east-1'
const CONTEXT = { tenant: 'clinic-7', purpose: 'records' }
const PLAINTEXT = Buffer.alloc(100_000, 'more than four kilobytes, ')
const WRITER = `arn:aws:iam::${ACCOUNT}:user/writer`
const writes = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: ['kms:GenerateDataKey', 'kms:Encrypt'], Resource: '*' }],
}

const room = await Strongroom.open({
  memory: true,
  region: REGION,
  accounts: [
    {
      id: ACCOUNT,
      accessKeys: [{ id: 'test', secret: 'test' }],
      users: [
        {
          name: 'writer',
          accessKeys: [{ id: 'AKIAWRITER', secret: 'test' }],
          policies: [{ name: 'w', document: writes }],
        },
      ],
    },
  ],
})
const { url: endpoint, ...server } = await room.listen({ port: 0 })
const inPython = [python({ endpoint }), python({ endpoint, accessKey: 'AKIAWRITER' })] as const

test.after.always(async () => {
  for (const speaker of inPython) speaker.close()
  await server.close()
  await room.close()
})

/** The account's root in each language, and the user who may only write. */
const roots = { JavaScript: javascript(over({ endpoint })), Python: inPython[0] }
const writers = { JavaScript: javascript(over({ endpoint, accessKey: 'AKIAWRITER' })), Python: inPython[1] }
type Language = keyof typeof roots
const LANGUAGES = Object.keys(roots) as Language[]
const PAIRS = LANGUAGES.flatMap((one) => LANGUAGES.map((other) => [one, other] as const))

const elsewhere = room.as({ region: ELSEWHERE })

async function newKey(kms: Pick<Strongroom, 'createKey'> = room, MultiRegion = false): Promise<string> {
  return (await kms.createKey({ MultiRegion })).KeyMetadata!.Arn!
}

/** How often each operation was called on a key, and granted. */
async function calls(key: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for await (const { eventName, errorCode } of room.audit.events({ key })) {
    if (/^(GenerateDataKey|Encrypt|Decrypt)$/.test(eventName) && !errorCode)
      counts[eventName] = (counts[eventName] ?? 0) + 1
  }
  return counts
}

/** Asserts that the SDK fails, and that it is the room which said no, with this code. */
async function refused(t: ExecutionContext, act: Promise<unknown>, key: string, code: string): Promise<void> {
  await t.throwsAsync(act)
  const codes = []
  for await (const { errorCode } of room.audit.events({ key })) codes.push(errorCode)
  t.is(codes.at(-1), code)
}

const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value)

// Across languages --------------------------------------------------------------------------------

for (const [one, other] of PAIRS) {
  test(`what ${one} encrypts, ${other} decrypts, with the key or without naming it`, async (t) => {
    const keys = [await newKey()]
    const [message] = await roots[one].encrypt([PLAINTEXT], { keys, context: CONTEXT })
    for (const how of [{ keys }, {}]) t.deepEqual(await roots[other].decrypt([message!], how), [PLAINTEXT])
    t.deepEqual(await calls(keys[0]!), { GenerateDataKey: 1, Decrypt: 2 })
    await t.throwsAsync(roots[other].decrypt([message!], { keys: [await newKey()] }), undefined, 'under another key')
  })

  test(`two Regions' keys in a message of ${one}: each alone opens it for ${other}`, async (t) => {
    const [here, there] = [await newKey(), await newKey(elsewhere)]
    const [message] = await roots[one].encrypt([PLAINTEXT], { keys: [here, there], context: CONTEXT })
    for (const key of [here, there]) t.deepEqual(await roots[other].decrypt([message!], { keys: [key] }), [PLAINTEXT])
    t.deepEqual(await calls(here), { GenerateDataKey: 1, Decrypt: 1 })
    t.deepEqual(await calls(there), { Encrypt: 1, Decrypt: 1 })
    await room.disableKey({ KeyId: here })
    t.deepEqual(await roots[other].decrypt([message!], { keys: [here, there] }), [PLAINTEXT])
    await elsewhere.disableKey({ KeyId: there })
    await refused(t, roots[other].decrypt([message!], { keys: [here, there] }), there, 'DisabledException')
  })

  test(`a replica opens for ${other} what ${one} encrypted under the primary key`, async (t) => {
    const primary = await newKey(room, true)
    const [message] = await roots[one].encrypt([PLAINTEXT], { keys: [primary], mrk: true, context: CONTEXT })
    const replica = primary.replace(REGION, ELSEWHERE)
    const ways: How[] = [
      { keys: [replica], mrk: true },
      { mrk: true, region: ELSEWHERE },
    ]
    for (const how of ways) await t.throwsAsync(roots[other].decrypt([message!], how), undefined, 'there is none yet')
    await room.replicateKey({ KeyId: primary, ReplicaRegion: ELSEWHERE })
    for (const how of ways) t.deepEqual(await roots[other].decrypt([message!], how), [PLAINTEXT])
    t.deepEqual(await calls(replica), { Decrypt: 2 })
    await t.throwsAsync(
      roots[other].decrypt([message!], { keys: [replica] }),
      undefined,
      'only to who knows of replicas',
    )
  })
}

// Refusals ----------------------------------------------------------------------------------------

/** A message whose encryption context, which is legible in it, says something else. */
function elsesContext(message: Uint8Array): Uint8Array {
  const at = Buffer.from(message).indexOf('clinic-7')
  const changed = Buffer.from(message)
  changed.write('clinic-8', at)
  return changed
}

for (const language of LANGUAGES) {
  test(`${language} cannot open what says that it was encrypted for somebody else`, async (t) => {
    const keys = [await newKey()]
    const [message] = await roots[language].encrypt([PLAINTEXT], { keys, context: CONTEXT })
    await refused(
      t,
      roots[language].decrypt([elsesContext(message!)], { keys }),
      keys[0]!,
      'InvalidCiphertextException',
    )
    t.deepEqual(await roots[language].decrypt([message!], { keys }), [PLAINTEXT])
  })

  test(`${language} is refused while the key is disabled`, async (t) => {
    const key = await newKey()
    const how = { keys: [key], context: CONTEXT }
    const messages = await roots[language].encrypt([PLAINTEXT], how)
    await room.disableKey({ KeyId: key })
    await refused(t, roots[language].encrypt([PLAINTEXT], how), key, 'DisabledException')
    await refused(t, roots[language].decrypt(messages, how), key, 'DisabledException')
    await room.enableKey({ KeyId: key })
    t.deepEqual(await roots[language].decrypt(messages, how), [PLAINTEXT])
  })

  test(`${language} of a user who may not decrypt writes, and reads by a grant alone`, async (t) => {
    const key = await newKey()
    const writer = writers[language]
    const how = { keys: [key], context: CONTEXT }
    const messages = await writer.encrypt([PLAINTEXT], how)
    await refused(t, writer.decrypt(messages, how), key, 'AccessDenied')
    const constraints = (context: Record<string, string>) => ({ EncryptionContextSubset: context })
    const grant = (context: Record<string, string>) =>
      room.createGrant({
        KeyId: key,
        GranteePrincipal: WRITER,
        Operations: ['Decrypt'],
        Constraints: constraints(context),
      })
    await grant({ tenant: 'clinic-8' })
    await refused(t, writer.decrypt(messages, how), key, 'AccessDenied')
    await grant({ tenant: 'clinic-7' })
    t.deepEqual(await writer.decrypt(messages, how), [PLAINTEXT])
  })
}

// Caching -----------------------------------------------------------------------------------------

const messages = times(25, Buffer.alloc(5000, 'five thousand bytes of it'))

/** `asked`: how many data keys 25 messages of 5,000 bytes come to, and as many decryptions to read them all in order. */
const CACHES: [string, How['cache'], number, number?][] = [
  ['no cache', undefined, 25],
  ['one that has no limits', {}, 1],
  ['at most 10 messages a key', { messages: 10 }, 3],
  ['at most 25 messages a key', { messages: 25 }, 1],
  ['at most 20,000 bytes a key', { bytes: 20_000 }, 7],
  ['at most 19,999 bytes a key', { bytes: 19_999 }, 9],
  ['keys of a hundredth of a second, and twice that between messages', { age: 10 }, 25, 20],
]

for (const language of LANGUAGES) {
  for (const [title, cache, asked, pause] of CACHES) {
    test(`${language}, ${title}: ${asked} data keys for 25 messages`, async (t) => {
      const key = await newKey()
      const sealed = await roots[language].encrypt(messages, { keys: [key], context: CONTEXT, cache }, pause)
      t.deepEqual(await calls(key), { GenerateDataKey: asked })
      t.deepEqual(await roots[language].decrypt(sealed, { keys: [key], cache: {} }), messages)
      t.deepEqual(await calls(key), { GenerateDataKey: asked, Decrypt: asked })
    })
  }

  test(`${language} keeps a data key for each encryption context`, async (t) => {
    const key = await newKey()
    const cache = {}
    await roots[language].encrypt(messages, { keys: [key], cache })
    await roots[language].encrypt(messages, { keys: [key], cache, context: { tenant: 'clinic-8' } })
    t.deepEqual(await calls(key), { GenerateDataKey: 2 })
  })
}

// In process --------------------------------------------------------------------------------------

test('in process, without a socket: the room itself is what the keyring’s clients speak to', async (t) => {
  const requestHandler = room.requestHandler()
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  const inside: Speaker = javascript((region) => new KMS({ region, credentials, requestHandler }))
  const key = await newKey()
  const sealed = await inside.encrypt([PLAINTEXT], { keys: [key], context: CONTEXT })
  t.deepEqual(await inside.decrypt(sealed, {}), [PLAINTEXT])
  t.deepEqual(await roots.Python.decrypt(sealed, {}), [PLAINTEXT])
  t.deepEqual(await calls(key), { GenerateDataKey: 1, Decrypt: 2 })
})

// Quotas ------------------------------------------------------------------------------------------

/** 25 messages at one moment of the room's time, in which ten requests may be made. */
const THROTTLED: [string, How['cache'], number][] = [
  ['no cache', undefined, 15],
  ['a cache', { messages: 10 }, 0],
]

for (const [title, cache, expected] of THROTTLED) {
  test(`past a quota of 10 a second, with ${title}: ${expected} of 25 messages are throttled`, async (t) => {
    const now = new Date()
    const limited = await Strongroom.open({ memory: true, now: () => now, quotas: { quotas: { Symmetric: 10 } } })
    t.teardown(() => limited.close())
    const requestHandler = limited.requestHandler()
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
    const hasty = javascript((region) => new KMS({ region, credentials, requestHandler, maxAttempts: 1 }))
    const how = { keys: [await newKey(limited)], cache }
    const sealing = cache ? [hasty.encrypt(messages, how)] : messages.map((message) => hasty.encrypt([message], how))
    const outcomes = await Promise.allSettled(sealing)
    const refusals = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as Error] : []))
    t.deepEqual(
      refusals.map(({ name }) => name),
      times(expected, 'ThrottlingException'),
    )
  })
}
