/**
 * Envelopes: streams of any size as messages of the AWS Encryption SDK, under data keys that keys of a server wrap. The SDK is an
 * optional dependency, and is loaded when a stream is wanted.
 */
import { Duplex } from 'node:stream'
import type * as EncryptionSdk from '@aws-crypto/client-node'
import { spelled } from './line.ts'
import type { Remote } from './remote.ts'

type Sdk = typeof EncryptionSdk
type Client = ReturnType<Sdk['buildClient']>
type Materials = InstanceType<Sdk['NodeDefaultCryptographicMaterialsManager']>
export type EncryptionContext = Readonly<Record<string, string>>

/** The server that has the keys; those of its Regions that are not said by an ARN are looked for in `region`. */
export interface Keeper extends Pick<Remote, 'endpoint' | 'env'> {
  readonly region: string
}

/** Frames of the message: each is authenticated before any of it is given out, so this much is in memory at once. */
const FRAME = 64 * 1024

/** How long the data key of a message is kept, so that reading it twice asks for it once. */
const KEPT = 60 * 60 * 1000

/** Makes streams from plaintext to messages, whose data keys are wrapped under each of `keys`; the first generates them. */
export async function sealing(
  keeper: Keeper,
  [generatorKeyId, ...keyIds]: readonly string[],
  context: EncryptionContext,
): Promise<() => Duplex> {
  const sdk = await loaded()
  const keyring = sdk.buildAwsKmsMrkAwareStrictMultiKeyringNode({
    generatorKeyId,
    keyIds,
    clientProvider: clientsOf(sdk, keeper),
  })
  const materials = materialsOf(sdk, keyring)
  const options = { encryptionContext: { ...context }, frameLength: FRAME }
  return () =>
    sheltered(client(sdk).encryptStream(materials, options), (problem) => refusal(problem, keeper) ?? problem)
}

export interface Opening {
  /** Only these keys, or multi-Region keys related to them; without it whichever a message names. */
  readonly keys?: readonly string[]
  /** Without `keys`: only keys of this Region, or multi-Region keys that have a replica there. */
  readonly within?: string
  /** What the message must have been encrypted for. */
  readonly context: EncryptionContext
}

/** Makes streams from one message to its plaintext. */
export async function opening(keeper: Keeper, { keys, within, context }: Opening): Promise<() => Duplex> {
  const sdk = await loaded()
  const materials = new sdk.NodeCachingMaterialsManager({
    backingMaterials: await openingMaterials(sdk, keeper, keys, within),
    cache: sdk.getLocalCryptographicMaterialsCache(1),
    maxAge: KEPT,
  })
  return () => {
    const inner = client(sdk).decryptStream(materials)
    const outer = sheltered(
      inner,
      (problem) =>
        refusal(problem, keeper) ?? new Error(`it is damaged, cut short or no message at all: ${problem.message}`),
    )
    // Told of before the first frame is read.
    inner.once('MessageHeader', ({ encryptionContext }: EncryptionSdk.MessageHeader) => {
      const missing = Object.entries(context).find(([name, value]) => encryptionContext[name] !== value)
      if (missing) outer.destroy(new Error(`it was not encrypted for the context \`${missing.join('=')}\``))
    })
    return outer
  }
}

async function openingMaterials(
  sdk: Sdk,
  keeper: Keeper,
  keys: readonly string[] | undefined,
  within: string | undefined,
): Promise<Materials> {
  const clientProvider = clientsOf(sdk, keeper)
  if (keys) {
    // A message names its keys by ARN.
    const keyIds = await Promise.all(keys.map((key) => arnOf(key, clientProvider))).catch((problem: unknown) => {
      throw refusal(problem as Error, keeper) ?? problem
    })
    return materialsOf(sdk, sdk.buildAwsKmsMrkAwareStrictMultiKeyringNode({ keyIds, clientProvider }))
  }
  if (within === undefined) return materialsOf(sdk, new sdk.KmsKeyringNode({ discovery: true, clientProvider }))
  return materialsOf(sdk, sdk.buildAwsKmsMrkAwareDiscoveryMultiKeyringNode({ regions: [within], clientProvider }))
}

type Keyring = ReturnType<Sdk['buildAwsKmsMrkAwareStrictMultiKeyringNode']> | InstanceType<Sdk['KmsKeyringNode']>

function materialsOf({ NodeDefaultCryptographicMaterialsManager }: Sdk, keyring: Keyring): Materials {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- the SDK types what it builds as interfaces
  return new NodeDefaultCryptographicMaterialsManager(keyring)
}

type Kms = InstanceType<Sdk['KMS']>

async function arnOf(key: string, kmsIn: (region: string) => Kms): Promise<string> {
  const [, region = '', isKey] = /^arn:[^:]+:kms:([^:]+):[^:]+:(key\/)?/.exec(key) ?? []
  if (isKey) return key
  const { KeyMetadata } = await kmsIn(region).describeKey({ KeyId: key })
  return KeyMetadata!.Arn!
}

/** A client for each Region that is asked for. */
function clientsOf({ KMS }: Sdk, { endpoint, env, region: home }: Keeper): (region: string) => Kms {
  const { AWS_ACCESS_KEY_ID = 'test', AWS_SECRET_ACCESS_KEY = 'test', AWS_SESSION_TOKEN } = env
  const credentials = {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    sessionToken: AWS_SESSION_TOKEN,
  }
  return (region) => new KMS({ endpoint, region: region || home, credentials })
}

function client({ buildClient, CommitmentPolicy }: Sdk): Client {
  return buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
}

/**
 * A stream of the SDK behind one that may be destroyed. The SDK's own has a pipeline inside that throws beyond everybody's reach when
 * it is; so it is left alone instead, and dropped.
 */
function sheltered(inner: Duplex, told: (problem: Error) => Error): Duplex {
  const outer: Duplex = new Duplex({
    write: (chunk, _encoding, done) => void inner.write(chunk, (problem) => done(problem ? told(problem) : null)),
    final: (done) => void inner.end(done),
    read: () => void inner.resume(),
  })
  inner.on('data', (chunk) => outer.push(chunk) || inner.pause())
  inner.on('end', () => outer.push(null))
  inner.on('error', (problem) => outer.destroy(told(problem)))
  return outer
}

async function loaded(): Promise<Sdk> {
  // What the SDK thinks of the version of Node is not for those who want a file encrypted.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
  try {
    return await import('@aws-crypto/client-node')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new Error('this needs the AWS Encryption SDK: npm install @aws-crypto/client-node', { cause })
  }
}

/** What kept the keys from being used, in the words of who refused; undefined when it was something else. */
function refusal(problem: Error, { endpoint }: Keeper): Error | undefined {
  if ('$metadata' in problem) return new Error(`${endpoint}: ${spelled(inWords(problem))}`, { cause: problem })
  if (!NO_DATA_KEY.test(problem.message)) return undefined
  // The SDK joins the stacks of all that failed to one message.
  const causes = [...problem.message.matchAll(/^ *(\w*(?:Exception|Error): .+?) *$/gm)].map(([, cause]) =>
    cause!.replace(/^Error: /, ''),
  )
  const told = new Set(causes.filter((cause) => !NO_DATA_KEY.test(cause)))
  if (told.size === 0) return new Error('it was not encrypted under a key that may be used here', { cause: problem })
  return new Error(`${endpoint}: ${spelled([...told].join('; '))}`, { cause: problem })
}

const NO_DATA_KEY = /Unable to decrypt data key|[Uu]nencrypted ?[dD]ata ?[kK]ey/

function inWords({ name, message }: Error): string {
  return name === 'Error' ? message : `${name}: ${message}`
}
