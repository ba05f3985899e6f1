/** `strongroom encrypt` and `strongroom decrypt`: files of any size, whole or not at all, and legible to other languages. */
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { decrypt, encrypt } from '../../src/cli/encrypt.ts'
import { Strongroom } from '../../src/index.ts'
import { REGION } from './environment.ts'
import { python } from './envelope/speaker.ts'

const ELSEWHERE = 'us-east-1'
const LETTER = Buffer.alloc(300_000, 'a letter of some length, ')

const room = await Strongroom.open({ memory: true, region: REGION })
const { url, ...server } = await room.listen({ port: 0 })
const speaker = python({ endpoint: url })

test.after.always(async () => {
  speaker.close()
  await server.close()
  await room.close()
})

interface Ran {
  readonly said: string
  readonly output: Buffer
}

const NEVER = new Promise<void>(() => {})
const COMMANDS = { encrypt, decrypt }

interface Given {
  readonly input?: string | Buffer
  readonly env?: Readonly<Record<string, string>>
  /** Where standard output goes. */
  readonly given?: Buffer[]
  /** Resolves when the user wants an end; default: never. */
  readonly stop?: Promise<void>
}

/** Runs a command line; rejects with what the program would say. */
async function run(line: string, { input = '', env = {}, given = [], stop = NEVER }: Given = {}): Promise<Ran> {
  const [command, ...args] = line.split(' ')
  let said = ''
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      given.push(chunk)
      done()
    },
  })
  await COMMANDS[command as keyof typeof COMMANDS](args, {
    env: { AWS_ENDPOINT_URL_KMS: url, AWS_REGION: REGION, ...env },
    out: (line) => (said += line),
    input: () => Readable.from([Buffer.from(input)]),
    output: () => output,
    stop,
  })
  return { said, output: Buffer.concat(given) }
}

/** A folder with a letter in it, and a key. */
async function scene(t: ExecutionContext) {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-envelope-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const letter = join(folder, 'letter')
  writeFileSync(letter, LETTER)
  const { KeyId, Arn } = (await room.createKey({})).KeyMetadata!
  return { folder, letter, sealed: `${letter}.encrypted`, id: KeyId, arn: Arn! }
}

async function calls(key: string): Promise<string[]> {
  const names = []
  for await (const { eventName } of room.audit.events({ key })) names.push(eventName)
  return names.filter((name) => name !== 'CreateKey')
}

test('a file is encrypted, and decrypted, beside itself; what is written is its owner’s alone', async (t) => {
  const { folder, letter, sealed, id } = await scene(t)
  t.is((await run(`encrypt ${letter} --key ${id}`)).said, `${sealed}\n`)
  t.false(readFileSync(sealed).includes('a letter of some length'))
  t.is(statSync(sealed).mode & 0o777, 0o600)
  await rm(letter)
  t.is((await run(`decrypt ${sealed}`)).said, `${letter}\n`)
  t.deepEqual(readFileSync(letter), LETTER)
  t.is(statSync(letter).mode & 0o777, 0o600)
  t.deepEqual(readdirSync(folder).sort(), ['letter', 'letter.encrypted'])
  t.deepEqual(await calls(id), ['GenerateDataKey', 'Decrypt'])
})

test('standard input and output do as well; reading twice asks for the data key once', async (t) => {
  const { id, arn } = await scene(t)
  const { output, said } = await run(`encrypt - --key ${id}`, { input: LETTER })
  t.is(said, '')
  for (const line of ['decrypt -', `decrypt --key ${arn} - --out -`]) {
    t.deepEqual((await run(line, { input: output })).output, LETTER)
  }
  t.deepEqual(await calls(id), ['GenerateDataKey', 'Decrypt', 'Decrypt'])
})

for (const length of [0, 1, 65_535, 65_536, 65_537]) {
  test(`${length} bytes come back as they were`, async (t) => {
    const { id } = await scene(t)
    const plaintext = randomBytes(length)
    const { output } = await run(`encrypt - --key ${id}`, { input: plaintext })
    t.deepEqual((await run('decrypt -', { input: output })).output, plaintext)
  })
}

test('what it encrypts Python decrypts, and the other way round', async (t) => {
  const { letter, sealed, id, arn } = await scene(t)
  await run(`encrypt ${letter} --key ${id} --context tenant=clinic-7`)
  t.deepEqual(await speaker.decrypt([readFileSync(sealed)], { keys: [arn] }), [LETTER])
  const [message] = await speaker.encrypt([LETTER], { keys: [arn], context: { tenant: 'clinic-7' } })
  t.deepEqual((await run('decrypt - --context tenant=clinic-7', { input: Buffer.from(message!) })).output, LETTER)
})

test('keys are named by id, alias and ARN; each of several opens the message, in its Region', async (t) => {
  const { letter, sealed, id } = await scene(t)
  await room.createAlias({ AliasName: 'alias/letters', TargetKeyId: id })
  const other = (await room.as({ region: ELSEWHERE }).createKey({})).KeyMetadata!.Arn!
  await run(`encrypt ${letter} --key alias/letters,${other}`)
  for (const way of [`--key alias/letters`, `--key ${id}`, `--key ${other}`, `--region ${ELSEWHERE}`, '']) {
    t.deepEqual((await run(`decrypt ${sealed} --out - ${way}`.trim())).output, LETTER, way)
  }
  await t.throwsAsync(run(`decrypt ${sealed} --out - --region eu-west-1`), {
    message: /not encrypted under a key that/,
  })
  const stranger = (await room.createKey({})).KeyMetadata!.KeyId
  await t.throwsAsync(run(`decrypt ${sealed} --out - --key ${stranger}`), { message: /not encrypted under a key that/ })
})

test('a replica of the key opens it where the key itself is not to be had', async (t) => {
  const { letter, sealed } = await scene(t)
  const primary = (await room.createKey({ MultiRegion: true })).KeyMetadata!.Arn!
  await run(`encrypt ${letter} --key ${primary}`)
  await t.throwsAsync(run(`decrypt ${sealed} --out - --region ${ELSEWHERE}`), { message: /NotFoundException/ })
  await room.replicateKey({ KeyId: primary, ReplicaRegion: ELSEWHERE })
  await room.disableKey({ KeyId: primary })
  const replica = primary.replace(REGION, ELSEWHERE)
  for (const way of [`--region ${ELSEWHERE}`, `--key ${replica}`]) {
    t.deepEqual((await run(`decrypt ${sealed} --out - ${way}`)).output, LETTER)
  }
})

// Damage ------------------------------------------------------------------------------------------

const DAMAGE: Record<string, (message: Buffer) => Buffer> = {
  'a bit of its first frame is flipped': (message) => flipped(message, 20_000),
  'a bit of its last frame is flipped': (message) => flipped(message, message.length - 500),
  'a bit of its signature is flipped': (message) => flipped(message, message.length - 1),
  'a bit of its id is flipped': (message) => flipped(message, 5),
  'it is cut off after some frames': (message) => message.subarray(0, 200_000),
  'it lacks its last byte': (message) => message.subarray(0, -1),
  'it is cut off in its header': (message) => message.subarray(0, 100),
  'it is empty': () => Buffer.alloc(0),
  'it is something else': () => LETTER,
  'something follows': (message) => Buffer.concat([message, Buffer.from('more')]),
}

for (const [title, damage] of Object.entries(DAMAGE)) {
  test(`a message is refused when ${title}, and nothing of it is left behind or given out`, async (t) => {
    const { folder, letter, sealed, id } = await scene(t)
    await run(`encrypt ${letter} --key ${id}`)
    writeFileSync(sealed, damage(readFileSync(sealed)))
    const before = readdirSync(folder)
    await t.throwsAsync(run(`decrypt ${sealed} --out ${letter}.again`), { message: /^it is damaged, cut short or no/ })
    t.deepEqual(readdirSync(folder), before)

    const given: Buffer[] = []
    await t.throwsAsync(run(`decrypt ${sealed} --out -`, { given }))
    t.deepEqual(given, [])
  })
}

function flipped(message: Buffer, at: number): Buffer {
  const changed = Buffer.from(message)
  changed[at]! ^= 1
  return changed
}

// Refusals ----------------------------------------------------------------------------------------

test('a file that is there stays as it is, unless it is to be replaced', async (t) => {
  const { folder, letter, sealed, id } = await scene(t)
  writeFileSync(sealed, 'of value')
  await t.throwsAsync(run(`encrypt ${letter} --key ${id}`), { message: /is there already; `--force` replaces it/ })
  t.is(readFileSync(sealed, 'utf8'), 'of value')
  t.deepEqual(await calls(id), [], 'nothing was asked for that')
  await run(`encrypt ${letter} --key ${id} --force`)
  await run(`decrypt ${sealed} --force`)
  t.deepEqual(readFileSync(letter), LETTER)
  await t.throwsAsync(run(`encrypt ${letter} --key ${id} --force --out ${folder}`), {
    message: /is no file to write to/,
  })
})

test('a file becomes what it was encrypted to, in its own place', async (t) => {
  const { folder, letter, id } = await scene(t)
  await run(`encrypt ${letter} --key ${id} --out ${letter} --force`)
  await run(`decrypt ${letter} --out ${letter} --force`)
  t.deepEqual(readFileSync(letter), LETTER)
  t.deepEqual(readdirSync(folder), ['letter'])
})

/** What is asked for with a file and a key at hand, and what is said; nothing is written. */
const REFUSED: [string, RegExp][] = [
  ['encrypt LETTER', /`--key` is needed/],
  ['encrypt --key KEY', /which FILE\?/],
  ['encrypt LETTER LETTER --key KEY', /unexpected/],
  ['encrypt LETTER --key KEY --context tenant', /`--context` takes NAME=VALUE/],
  ['encrypt LETTER --key KEY --context aws-crypto-public-key=x', /Reserved encryptionContext value/],
  ['encrypt LETTER --key KEY --endpoint-url nowhere', /`nowhere` is no URL/],
  ['encrypt LETTER --key KEY --endpoint-url http://127.0.0.1:1', /^http:\/\/127.0.0.1:1: connect ECONNREFUSED/],
  ['encrypt LETTER --key alias/none', /NotFoundException: Alias .* is not found/],
  ['encrypt LETTER.gone --key KEY', /ENOENT/],
  ['encrypt LETTER --key KEY --out LETTER/in/it', /ENOTDIR/],
  ['decrypt LETTER.gone --out LETTER.new', /ENOENT/],
  ['decrypt LETTER', /`--out` is needed: .* does not end in \.encrypted/],
  ['decrypt SEALED --context tenant=clinic-8', /it was not encrypted for the context `tenant=clinic-8`/],
  ['decrypt SEALED --key alias/none', /NotFoundException/],
]

for (const [line, words] of REFUSED) {
  test(`\`${line}\`: ${words.source}`, async (t) => {
    const { folder, letter, id } = await scene(t)
    const sealed = join(folder, 'sealed.encrypted')
    await run(`encrypt ${letter} --key ${id} --context tenant=clinic-7 --out ${sealed}`)
    const before = readdirSync(folder)
    const typed = line.replaceAll('LETTER', letter).replaceAll('SEALED', sealed).replaceAll('KEY', id)
    await t.throwsAsync(run(typed), { message: words })
    t.deepEqual(readdirSync(folder), before)
  })
}

test('the server’s no is told in its words, and leaves nothing behind', async (t) => {
  const { folder, letter, sealed, id, arn } = await scene(t)
  await run(`encrypt ${letter} --key ${id}`)
  await room.disableKey({ KeyId: id })
  const message = `${url}: DisabledException: ${arn} is disabled.`
  for (const line of [`encrypt ${letter} --key ${id}`, `decrypt ${sealed}`, `decrypt ${sealed} --key ${id}`]) {
    await t.throwsAsync(run(`${line} --out ${folder}/new`), { message })
  }
  const env = { AWS_SECRET_ACCESS_KEY: 'not-it' }
  await t.throwsAsync(run(`encrypt ${letter} --key ${id} --out ${folder}/new`, { env }), {
    message: /InvalidSignature/,
  })
  t.deepEqual(readdirSync(folder).sort(), ['letter', 'letter.encrypted'])
})

test('whoever wants an end gets it, and nothing stays behind', async (t) => {
  const { folder, letter, sealed, id } = await scene(t)
  const stop = Promise.resolve()
  await t.throwsAsync(run(`encrypt ${letter} --key ${id}`, { stop }), { name: 'AbortError' })
  await run(`encrypt ${letter} --key ${id}`)
  await t.throwsAsync(run(`decrypt ${sealed} --out ${letter}.again`, { stop }), { name: 'AbortError' })
  t.deepEqual(readdirSync(folder).sort(), ['letter', 'letter.encrypted'])
})

test('a room whose clock is ahead by a week is met at its time', async (t) => {
  const ahead = await Strongroom.open({ memory: true, region: REGION })
  const { url, ...server } = await ahead.listen({ port: 0 })
  t.teardown(() => server.close().then(() => ahead.close()))
  const { KeyId } = (await ahead.createKey({})).KeyMetadata!
  await ahead.clock.advance('7 days')
  const env = { AWS_ENDPOINT_URL_KMS: url }
  const { output } = await run(`encrypt - --key ${KeyId}`, { input: LETTER, env })
  t.deepEqual((await run('decrypt -', { input: output, env })).output, LETTER)
})

// Size --------------------------------------------------------------------------------------------

const PROGRAM = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const MEGABYTE = 1_000_000

const MEASURED = 'data:text/javascript,process.on("exit",()=>console.error(process.resourceUsage().maxRSS))'

const module = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`

/** Resolution as it is where the optional package was not installed. */
const HOOK = module(`export const resolve = (name, context, next) => name.startsWith('@aws-crypto')
  ? Promise.reject(Object.assign(new Error('none'), { code: 'ERR_MODULE_NOT_FOUND' }))
  : next(name, context)`)
const BARE = module(`import { register } from 'node:module'; register(${JSON.stringify(HOOK)})`)

test('without the Encryption SDK the program says what to install', async (t) => {
  const child = spawn(process.execPath, ['--import', BARE, PROGRAM, 'encrypt', '-', '--key', 'any'])
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'close') as Promise<[number]>])
  t.is(said, 'strongroom: this needs the AWS Encryption SDK: npm install @aws-crypto/client-node\n')
  t.is(code, 1)
})

/** What the program took at most while it did this, in megabytes. */
async function memoryOf(...args: string[]): Promise<number> {
  const child = spawn(process.execPath, ['--import', MEASURED, PROGRAM, ...args], {
    env: { ...process.env, AWS_ENDPOINT_URL_KMS: url, AWS_REGION: REGION },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const said = await text(child.stderr)
  if (!/^\d+\n$/.test(said)) throw new Error(said)
  return Number(said) / 1024
}

async function digest(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}

test('200 MB pass through the program, there and back, and are never in its memory at once', async (t) => {
  const { folder, id } = await scene(t)
  const large = join(folder, 'large')
  const chunk = randomBytes(MEGABYTE)
  await pipeline(Readable.from(Array.from({ length: 200 }, () => chunk)), createWriteStream(large))
  const memory = [
    await memoryOf('encrypt', large, '--key', id),
    await memoryOf('decrypt', `${large}.encrypted`, '--out', `${large}.again`),
  ]
  t.log(memory)
  t.is(statSync(`${large}.again`).size, 200 * MEGABYTE)
  t.is(await digest(`${large}.again`), await digest(large))
  for (const most of memory) t.true(most < 240, `${most} MB`)
})
