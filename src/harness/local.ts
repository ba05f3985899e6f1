/** Rooms in this process as targets: by their methods, by a handle of a key, through the AWS SDK, and with keys in a token. */
import type { BackendSource } from '../backends/backend.ts'
import { CIPHERTEXT_OVERHEAD } from '../handle.ts'
import type { AccountConfig } from '../identity.ts'
import type { OperationName } from '../model/kms.ts'
import { Strongroom } from '../strongroom.ts'
import { runActs, type Act } from './loop.ts'
import type { MeasuredTarget } from './measured.ts'
import type { Ask, Members } from './operations.ts'
import { NotMeasured, type Load, type Prompt, type Target, type Way } from './target.ts'

const ACCOUNT = '000000000000'

export interface LocalOptions {
  readonly way: Way
  readonly principals: number
  /** Where the keys are; our own HSM when absent. */
  readonly backend?: BackendSource
  readonly region?: string
}

/** A room in memory, with policies, quotas as they are, and the trail on, as any other. */
export async function localTarget(options: LocalOptions): Promise<Target> {
  const { way, principals, backend, region } = options
  const room = await Strongroom.open({ memory: true, backend, region, accounts: [accountWith(principals)] })
  const actsOf = { 'in-process': byMethods, handle: byHandle, sdk: throughSdk }[way]
  return {
    told: TOLD[backend ? 'pkcs11' : way],
    principals,
    // Keys of a room in memory are gone from a token, too, when it closes.
    isLasting: false,
    ask: askingOf(room),
    async run({ names, requests, order }: Load, run) {
      const acts = await actsOf(room, requests, principals)
      const numbered = requests.map(({ kind }, at) => ({ kind, act: acts[at]! }))
      return runActs({ kinds: names.length, acts: numbered, order, isInstant: way === 'handle' }, run)
    },
    close: () => room.close(),
  }
}

const TOLD: Readonly<Record<Way | 'pkcs11', MeasuredTarget>> = {
  'in-process': { kind: 'in-process', name: 'a room in process' },
  handle: { kind: 'in-process', name: 'a key in the hand, in process' },
  sdk: { kind: 'sdk', name: 'a room in process, through the AWS SDK' },
  pkcs11: { kind: 'pkcs11', name: 'a room in process, keys in a PKCS#11 token' },
}

/** The root alone, or so many users who may do anything: each a caller of its own to the decision cache. */
function accountWith(principals: number): AccountConfig {
  const root = { id: ACCOUNT, accessKeys: [{ id: 'test', secret: 'test' }] }
  if (principals === 1) return root
  const document = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'kms:*', Resource: '*' }] }
  const users = Array.from({ length: principals }, (_, at) => ({
    name: nameOf(at),
    policies: [{ name: 'kms', document }],
    accessKeys: [{ id: accessKeyOf(at), secret: 'test' }],
  }))
  return { ...root, users }
}

const nameOf = (principal: number): string => `bench-${principal}`
const accessKeyOf = (principal: number): string => `AKIABENCH${String(principal).padStart(11, '0')}`

function byMethods(room: Strongroom, requests: readonly Prompt[], principals: number): Act[] {
  const ways = Array.from({ length: principals }, (_, at) =>
    principals === 1 ? room : room.as({ arn: `arn:aws:iam::${ACCOUNT}:user/${nameOf(at)}` }),
  ) as unknown as Record<string, (input: Members) => unknown>[]
  return requests.map(({ operation, input, principal }) => {
    const [way, method] = [ways[principal]!, methodOf(operation)]
    return () => way[method]!(input)
  })
}

/** Encrypt and Decrypt into buffers. */
function byHandle(room: Strongroom, requests: readonly Prompt[]): Act[] {
  return requests.map(({ operation, input }) => {
    const { KeyId, Plaintext, CiphertextBlob, EncryptionContext } = input as {
      KeyId: string
      Plaintext: Uint8Array
      CiphertextBlob: Uint8Array
      EncryptionContext?: Record<string, string>
    }
    const key = room.key(KeyId)
    if (operation === 'Encrypt') {
      const out = new Uint8Array(Plaintext.length + CIPHERTEXT_OVERHEAD)
      return () => key.encryptInto(Plaintext, out, EncryptionContext)
    }
    if (operation !== 'Decrypt')
      throw new NotMeasured(`a key in the hand encrypts and decrypts; ${operation} is no verb of it`)
    const out = new Uint8Array(CiphertextBlob.length)
    return () => key.decryptInto(CiphertextBlob, out, EncryptionContext)
  })
}

async function throughSdk(room: Strongroom, requests: readonly Prompt[], principals: number): Promise<Act[]> {
  const KMS = await sdk()
  const clients = Array.from({ length: principals }, (_, at) => {
    const accessKeyId = principals === 1 ? 'test' : accessKeyOf(at)
    const credentials = { accessKeyId, secretAccessKey: 'test' }
    return new KMS({ region: room.region, credentials, requestHandler: room.requestHandler(), maxAttempts: 1 })
  }) as unknown as Record<string, (input: Members) => unknown>[]
  return requests.map(({ operation, input, principal }) => {
    const [client, method] = [clients[principal]!, methodOf(operation)]
    return () => client[method]!(input)
  })
}

/** The SDK's client for the KMS comes with the Encryption SDK. */
async function sdk() {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
  try {
    return (await import('@aws-crypto/client-node')).KMS
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new NotMeasured('this needs the AWS SDK: npm install @aws-crypto/client-node', { cause })
  }
}

function askingOf(room: Strongroom): Ask {
  const methods = room as unknown as Record<string, (input: Members) => Promise<Members>>
  return (operation, input) => methods[methodOf(operation)]!(input)
}

const methodOf = (operation: OperationName): string => operation[0]!.toLowerCase() + operation.slice(1)
