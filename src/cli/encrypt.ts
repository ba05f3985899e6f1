/** `strongroom encrypt FILE` and `strongroom decrypt FILE`: files and streams of any size, under keys of a running server. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createReadStream, createWriteStream } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { drafted } from './draft.ts'
import { opening, sealing, type EncryptionContext, type Keeper } from './envelope.ts'
import { flagHelp, readFlags, UsageError, type Flags, type Given } from './flags.ts'

/** What it needs of the world; requests are sent with the credentials of the environment. */
export interface EnvelopeWorld {
  readonly env: Readonly<Record<string, string | undefined>>
  out(text: string): unknown
  /** Standard input and output, as bytes. */
  input(): Readable
  output(): Writable
  /** Resolves when the user wants an end. */
  stop: Promise<unknown>
}

const COMMON = {
  force: { values: [], help: 'replace the file that is there' },
  'endpoint-url': {
    values: ['URL'],
    help: 'keys of this server (AWS_ENDPOINT_URL_KMS, AWS_ENDPOINT_URL, http://localhost:4599)',
  },
} as const satisfies Flags

const ENCRYPT = {
  key: { values: ['ID,…'], help: 'under this key: its id, alias or ARN; each of several opens the message' },
  context: { values: ['NAME=VALUE,…'], help: 'for this encryption context, which is legible in the message' },
  out: { values: ['FILE'], help: 'write the message here (FILE.encrypted); `-` is standard output' },
  region: {
    values: ['NAME'],
    help: 'where keys are that are not named by ARN (AWS_REGION, AWS_DEFAULT_REGION, us-east-1)',
  },
  ...COMMON,
} as const satisfies Flags

const DECRYPT = {
  key: { values: ['ID,…'], help: 'with these keys alone; without it with any that the message names' },
  context: { values: ['NAME=VALUE,…'], help: 'refuse what was not encrypted for this' },
  out: { values: ['FILE'], help: 'write the plaintext here (FILE without .encrypted); `-` is standard output' },
  region: { values: ['NAME'], help: 'with keys of this Region alone, or replicas that multi-Region keys have there' },
  ...COMMON,
} as const satisfies Flags

const SIGNED =
  'Signed with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. FILE may be `-`: standard input.\n'

export const ENCRYPT_HELP = `usage: strongroom encrypt FILE --key ID,… [flags]

${flagHelp(ENCRYPT)}
Writes a message of the AWS Encryption SDK, which any of its languages opens.
${SIGNED}`

export const DECRYPT_HELP = `usage: strongroom decrypt FILE [flags]

${flagHelp(DECRYPT)}
Opens a message of the AWS Encryption SDK, of any of its languages. Nothing is given out before all of it was verified.
${SIGNED}`

const SUFFIX = '.encrypted'

export async function encrypt(args: readonly string[], world: EnvelopeWorld): Promise<number> {
  const [file, given] = read(ENCRYPT, args)
  if (!given.key) throw new UsageError('`--key` is needed')
  const target = given.out?.[0] ?? (file === '-' ? '-' : `${file}${SUFFIX}`)
  const seal = await sealing(keeperOf(given, world), listed(given.key), contextOf(given.context))
  const pour = flow(world)
  if (target === '-') await pour(source(file, world), seal(), world.output())
  else await toFile(target, given, world, (draft) => pour(source(file, world), seal(), draft))
  return 0
}

export async function decrypt(args: readonly string[], world: EnvelopeWorld): Promise<number> {
  const [file, given] = read(DECRYPT, args)
  const target = given.out?.[0] ?? (file === '-' ? '-' : withoutSuffix(file))
  const wanted = { keys: given.key && listed(given.key), within: given.region?.[0], context: contextOf(given.context) }
  const open = await opening(keeperOf(given, world), wanted)
  const pour = flow(world)
  if (target !== '-') {
    await toFile(target, given, world, (draft) => pour(source(file, world), open(), draft))
    return 0
  }
  await atRest(file, world, pour, async (message) => {
    // Standard output cannot be taken back, so the message is read twice: to verify it, and to give it out.
    await pour(createReadStream(message), open(), nowhere())
    await pour(createReadStream(message), open(), world.output())
  })
  return 0
}

async function toFile(
  file: string,
  { force }: Given<typeof COMMON>,
  { out }: EnvelopeWorld,
  fill: (draft: Writable) => Promise<void>,
): Promise<void> {
  await drafted(file, force !== undefined, fill)
  await out(`${file}\n`)
}

// The command line ----------------------------------------------------------------------------------

/** The one word that is neither a flag nor a flag's value, and the flags. */
function read<F extends Flags>(flags: F, args: readonly string[]): [string, Given<F>] {
  const wanting = new Set(Object.keys(flags).filter((name) => flags[name]!.values.length > 0))
  const takesValue = (arg = '') => arg.startsWith('--') && wanting.has(arg.slice(2))
  const at = args.findIndex((arg, i) => !arg.startsWith('--') && !takesValue(args[i - 1]))
  if (at < 0) throw new UsageError('which FILE? `-` is standard input')
  return [args[at]!, readFlags(flags, args.toSpliced(at, 1))]
}

function keeperOf(given: Given<typeof ENCRYPT>, { env }: EnvelopeWorld): Keeper {
  const endpoint = given['endpoint-url']?.[0] ?? env.AWS_ENDPOINT_URL_KMS ?? env.AWS_ENDPOINT_URL ?? ENDPOINT
  if (!URL.canParse(endpoint)) throw new UsageError(`\`${endpoint}\` is no URL`)
  return { endpoint, env, region: given.region?.[0] ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? 'us-east-1' }
}

const ENDPOINT = 'http://localhost:4599'

function listed([text = '']: readonly string[]): string[] {
  return text.split(',').map((part) => part.trim())
}

function contextOf(given: readonly string[] | undefined): EncryptionContext {
  const pairs = (given ? listed(given) : []).map((pair) => {
    const [, name, value] = /^([^=]+)=(.+)$/s.exec(pair) ?? []
    if (name === undefined || value === undefined)
      throw new UsageError(`\`--context\` takes NAME=VALUE,… and not \`${pair}\``)
    return [name, value] as const
  })
  return Object.fromEntries(pairs)
}

function withoutSuffix(file: string): string {
  if (file.endsWith(SUFFIX) && file !== SUFFIX) return file.slice(0, -SUFFIX.length)
  throw new UsageError(`\`--out\` is needed: \`${file}\` does not end in ${SUFFIX}`)
}

// Streams -------------------------------------------------------------------------------------------

type Pour = ReturnType<typeof flow>

/** From a source through what is between into a sink, until it is done or the user wants an end. */
function flow({ stop }: EnvelopeWorld) {
  const ended = new AbortController()
  void stop.then(() => ended.abort())
  return (...streams: Streams): Promise<void> => pipeline(streams, { signal: ended.signal })
}

type Streams = [Readable, ...NodeJS.ReadWriteStream[], Writable]

function source(file: string, { input }: EnvelopeWorld): Readable {
  return file === '-' ? input() : createReadStream(file)
}

function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() })
}

/** Gives `use` a file that can be read twice: for standard input a copy of the message, as encrypted as it came. */
async function atRest(file: string, world: EnvelopeWorld, pour: Pour, use: (kept: string) => Promise<void>) {
  if (file !== '-') return use(file)
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-'))
  try {
    const kept = join(folder, 'message')
    await pour(world.input(), createWriteStream(kept, { mode: 0o600 }))
    await use(kept)
  } finally {
    await rm(folder, { recursive: true })
  }
}
