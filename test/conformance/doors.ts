/** The three doors a story comes in through: the room's own methods, the AWS SDK without a socket, and HTTP. */
import * as sdk from '@aws-sdk/client-kms'
import { KmsError, Strongroom, type Client } from '../../src/index.ts'
import type { OperationName } from '../../src/model/kms.ts'
import { fakeProxy, refusal } from '../helpers/fakeproxy.ts'
import { CLUSTERS } from '../helpers/stores.ts'
import { ATTESTATION_ROOT } from './workbench.ts'

export const ACCOUNT = '000000000000'
export const STRANGER = '111122223333'
export const REGION = 'us-east-1'

/** Who asks, and where. */
export interface Caller {
  readonly account: string
  readonly region: string
}

export type Outcome = { readonly output: unknown } | { readonly error: string; readonly message: string }

/** A room of its own behind one door, with a clock that stands until it is moved. */
export interface Visit {
  send(name: OperationName, input: unknown, caller: Caller): Promise<Outcome>
  now(): Date
  pass(millis: number): void
  leave(): Promise<void>
}

export type DoorName = 'direct' | 'sdk' | 'http'

export async function visit(door: DoorName, settleMillis?: number): Promise<Visit> {
  let now = Date.UTC(2026, 0, 1)
  const accounts = [ACCOUNT, STRANGER].map((id) => ({ id, accessKeys: [{ id: `key${id}`, secret: id }] }))
  const room = await Strongroom.open({
    memory: true,
    accounts,
    settleMillis,
    attestationRoots: [ATTESTATION_ROOT],
    clusters: { ...CLUSTERS, 'cluster-brokenbroke': { module: '/nowhere/module.so', tokenLabel: 'none' } },
    // Stories are played side by side, and an honest answer has to come in time.
    xks: { endpoints: (await proxies()).endpoints, timeoutMillis: 3000 },
    now: () => new Date(now),
  })
  const endpoint = door === 'http' ? (await room.listen({ port: 0 })).url : undefined
  const clients: sdk.KMSClient[] = []

  /** The SDK signs with its own clock, which has to follow the room's. */
  const client = ({ account, region }: Caller) => {
    const made = new sdk.KMSClient({
      region,
      credentials: { accessKeyId: `key${account}`, secretAccessKey: account },
      systemClockOffset: now - Date.now(),
      maxAttempts: 1,
      ...(endpoint === undefined ? { requestHandler: room.requestHandler() } : { endpoint }),
    })
    clients.push(made)
    return made
  }

  const ask = async (name: OperationName, input: unknown, caller: Caller): Promise<unknown> => {
    if (door !== 'direct') return client(caller).send(new commands[`${name}Command`]!(input) as never)
    const method = `${name[0]!.toLowerCase()}${name.slice(1)}` as 'createKey'
    return room.as(caller)[method](input as never)
  }

  return {
    async send(name, input, caller) {
      try {
        const output = (await ask(name, input, caller)) ?? {}
        if (/^(Dis)?[Cc]onnectCustomKeyStore$/.test(name)) await settle(room.as(caller))
        return { output }
      } catch (error) {
        if (error instanceof KmsError) return { error: error.code, message: error.message }
        if (error instanceof sdk.KMSServiceException) return { error: error.name, message: wordsOf(error) }
        throw error
      }
    },
    now: () => new Date(now),
    pass: (millis) => {
      now += millis
    },
    async leave() {
      for (const each of clients) each.destroy()
      await room.close()
    },
  }
}

/** Connecting goes on behind its answer; stories go on when it has ended. */
async function settle(room: Client): Promise<void> {
  while (
    (await room.describeCustomKeyStores()).CustomKeyStores!.some(({ ConnectionState }) =>
      ConnectionState!.endsWith('ING'),
    )
  )
    await new Promise((resolve) => setImmediate(resolve))
}

let behind: ReturnType<typeof fakeProxy> | undefined

/** Proxies, one for all stories, which behave by what their paths begin with. */
async function proxies() {
  // It listens as long as the process lives, which it keeps nobody from ending.
  const proxy = await (behind ??= fakeProxy({ teardown: () => undefined }))
  if (!proxy.script) {
    proxy.add('disabled', { keyStatus: 'DISABLED' })
    proxy.script = ({ path, body }, honest) => {
      const isConnecting = body.requestMetadata.kmsOperation === 'ConnectCustomKeyStore'
      if (path.startsWith('/denied/')) return refusal('AuthenticationFailedException', 401)
      if (path.startsWith('/lost/')) return refusal('InvalidUriPathException', 404)
      if (path.startsWith('/garbled/')) return { body: 'nonsense' }
      if (path.startsWith('/hung/')) return 'hang'
      return path.startsWith('/down/') && isConnecting ? refusal('InternalException', 500) : honest()
    }
  }
  return proxy
}

const commands = sdk as unknown as Readonly<Record<string, new (input: unknown) => unknown>>

/** The SDK fills in a word of its own where AWS says nothing. */
function wordsOf({ message }: sdk.KMSServiceException): string {
  return message === 'UnknownError' ? '' : message
}
