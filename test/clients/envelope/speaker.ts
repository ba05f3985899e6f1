/** The AWS Encryption SDK in two languages, asked the same things in the same way. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import {
  buildAwsKmsMrkAwareDiscoveryMultiKeyringNode,
  buildAwsKmsMrkAwareStrictMultiKeyringNode,
  buildClient,
  getLocalCryptographicMaterialsCache,
  KMS,
  KmsKeyringNode,
  NodeCachingMaterialsManager,
  NodeDefaultCryptographicMaterialsManager,
} from '@aws-crypto/client-node'
import { clientEnvironment, program, REGION } from '../environment.ts'

/** How an envelope is made or opened. */
export interface How {
  /** Under these keys alone; without it whichever a message names. */
  readonly keys?: readonly string[]
  /** Lets a replica of a multi-Region key stand for another; without keys: those of this Region. */
  readonly mrk?: boolean
  readonly region?: string
  readonly context?: Readonly<Record<string, string>>
  readonly cache?: Cache
}

/** Limits of a cache of data keys; the age in milliseconds. */
export interface Cache {
  readonly messages?: number
  readonly bytes?: number
  readonly age?: number
}

export interface Speaker {
  /** A message for each plaintext; all of them share the cache, when there is one. `pause`: milliseconds between them. */
  encrypt(plaintexts: readonly Uint8Array[], how: How, pause?: number): Promise<Uint8Array[]>
  decrypt(messages: readonly Uint8Array[], how: How): Promise<Uint8Array[]>
}

/** A speaker who knows an endpoint and an access key. */
export interface Speaking {
  readonly endpoint: string
  readonly accessKey?: string
}

const AGE = 60_000
const wait = (time: number) => new Promise((resolve) => setTimeout(resolve, time))

type Client = (region: string) => KMS

/** `made` makes a client for a Region, as a keyring's clientProvider does. */
export function javascript(made: Client): Speaker {
  const { encrypt, decrypt } = buildClient()
  const clientProvider: Client = (region) => made(region || REGION)
  return {
    async encrypt(plaintexts, how, pause = 0) {
      const materials = materialsOf(how, clientProvider)
      const messages = []
      for (const plaintext of plaintexts) {
        const options = { encryptionContext: { ...how.context }, plaintextLength: plaintext.length }
        messages.push((await encrypt(materials, plaintext, options)).result)
        if (pause > 0) await wait(pause)
      }
      return messages
    },
    async decrypt(messages, how) {
      const materials = materialsOf(how, clientProvider)
      const plaintexts = []
      for (const message of messages) plaintexts.push((await decrypt(materials, message)).plaintext)
      return plaintexts
    },
  }
}

/** A client of a served room. */
export function over({ endpoint, accessKey = 'test' }: Speaking): Client {
  const credentials = { accessKeyId: accessKey, secretAccessKey: 'test' }
  return (region) => new KMS({ endpoint, region, credentials, maxAttempts: 1 })
}

type Materials = NodeDefaultCryptographicMaterialsManager | NodeCachingMaterialsManager

function materialsOf(how: How, clientProvider: Client): Materials {
  const backingMaterials = new NodeDefaultCryptographicMaterialsManager(keyringOf(how, clientProvider))
  if (!how.cache) return backingMaterials
  const { messages, bytes, age = AGE } = how.cache
  return new NodeCachingMaterialsManager({
    backingMaterials,
    cache: getLocalCryptographicMaterialsCache(100),
    maxAge: age,
    ...(messages !== undefined && { maxMessagesEncrypted: messages }),
    ...(bytes !== undefined && { maxBytesEncrypted: bytes }),
  })
}

function keyringOf({ keys, mrk, region = REGION }: How, clientProvider: Client) {
  const [generatorKeyId, ...keyIds] = keys ?? []
  if (mrk) {
    return keys
      ? buildAwsKmsMrkAwareStrictMultiKeyringNode({ generatorKeyId, keyIds, clientProvider })
      : buildAwsKmsMrkAwareDiscoveryMultiKeyringNode({ regions: [region], clientProvider })
  }
  return keys
    ? new KmsKeyringNode({ generatorKeyId, keyIds, clientProvider })
    : new KmsKeyringNode({ discovery: true, clientProvider })
}

/** Python, in a process of its own that ends with `close`. */
export function python({ endpoint, accessKey }: Speaking): Speaker & { close(): void } {
  const script = fileURLToPath(new URL('speaker.py', import.meta.url))
  const child = spawn(program('python'), ['-B', script], {
    env: clientEnvironment(endpoint, '/nowhere', accessKey),
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  let turn: Promise<unknown> = Promise.resolve()
  const hex = (all: readonly Uint8Array[]) => all.map((bytes) => Buffer.from(bytes).toString('hex'))

  async function ask(task: object): Promise<Uint8Array[]> {
    child.stdin.write(`${JSON.stringify(task)}\n`)
    const { value, done } = await lines.next()
    if (done) throw new Error('python ended')
    const { all, error } = JSON.parse(value) as { all?: string[]; error?: string }
    if (!all) throw new Error(error)
    return all.map((text) => Buffer.from(text, 'hex'))
  }
  const inTurn = (task: object) => {
    const asked = turn.then(() => ask(task))
    turn = asked.catch(() => undefined)
    return asked
  }
  return {
    encrypt: (plaintexts, how, pause = 0) => inTurn({ verb: 'encrypt', all: hex(plaintexts), pause, ...how }),
    decrypt: (messages, how) => inTurn({ verb: 'decrypt', all: hex(messages), ...how }),
    close: () => child.stdin.end(),
  }
}
