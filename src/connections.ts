/**
 * What custom key stores are connected to, as long as the room is open: tokens that are logged in to, and proxies that can be
 * asked. The store's record says in which state it is; what a state asks for is done here, after it was committed.
 */
import type { Backend } from './backends/backend.ts'
import { xksBackend } from './backends/xks.ts'
import type { Clock } from './clock.ts'
import { apart, Clusters, loginErrorOf, type ClustersConfig } from './clusters.ts'
import type { Entropy } from './entropy.ts'
import { fail, KmsError } from './errors.ts'
import type { Key } from './keys.ts'
import type { KeyStore, Proxy } from './keystores.ts'
import { openSecret } from './keystoresecrets.ts'
import type { ConnectionErrorCodeType } from './model/kms.ts'
import type { Asking, KeyStoreBackends, WantedKeyStore } from './operation.ts'
import type { Secrets } from './secrets.ts'
import type { Records } from './store/cache.ts'
import { putKeyStore } from './store/keystores.ts'
import { isConflict } from './store/store.ts'
import type { RequestMetadata } from './xks/api.ts'
import { XksClient, type XksOptions } from './xks/client.ts'
import { connectionErrorOf, NOT_CONNECTED, ProxyError, translated } from './xks/problems.ts'

export interface ConnectionsWorld {
  readonly records: Records
  readonly secrets: Secrets
  readonly entropy: Entropy
  /** The time as others have it: proxies ask when a request was signed. */
  readonly clock: Clock
  /** Where keys are in two places, and clusters are simulated: the room's own. */
  readonly backend: Backend
  /** Whose plaintexts can go out in envelopes. */
  readonly enveloping: (backend: Backend) => Backend
  readonly clusters?: ClustersConfig
  readonly xks?: XksOptions
}

/** One store, connected. */
interface Connection {
  /** Where its keys are made. */
  readonly backend: Backend
  /** Where one of them is for one call, should that be different. */
  ofKey?(key: Key, call: Asking): Backend
  close(): unknown
}

export class Connections implements KeyStoreBackends {
  readonly #world: ConnectionsWorld
  readonly #clusters: Clusters
  readonly #open = new Map<string, Connection>()
  /** What was last begun about a store: whatever was begun before is not to be finished. */
  readonly #begun = new Map<string, object>()
  readonly #busy = new Set<Promise<void>>()
  /** What every backend is handed out through, as long as something is to go wrong in it. */
  around: ((backend: Backend) => Backend) | undefined

  constructor(world: ConnectionsWorld) {
    this.#world = world
    this.#clusters = new Clusters(world.clusters)
  }

  /** Connects what was connected when the room was closed, and finishes what was under way. */
  async resume(): Promise<void> {
    for (const store of await this.#world.records.keyStores.all()) {
      if (store.state === 'CONNECTED') await this.#connect(store, this.#begin(store))
      else this.follow(store)
    }
  }

  backendOf(key: Key, call: Asking): Backend {
    const connection = this.#open.get(key.customKeyStoreId!)
    if (!connection) fail('KMSInvalidStateException', key.xksKeyId ? NOT_CONNECTED : `${key.arn} is unavailable.`)
    return this.#handedOut(connection.ofKey?.(key, call) ?? connection.backend)
  }

  backendIn(store: KeyStore): Backend {
    const connection = this.#open.get(store.id)
    if (!connection) fail('CustomKeyStoreInvalidStateException', `The custom key store ${store.id} has lost its way.`)
    return this.#handedOut(connection.backend)
  }

  async examine({ cluster, proxy, region, secret, others, before }: WantedKeyStore, call: Asking): Promise<void> {
    if (cluster) await this.#clusters.examine(cluster, before?.cluster, idsOf(others))
    if (!proxy) return
    requireService(proxy, region)
    const client = this.#client(proxy, secret, region)
    try {
      await client.health(healthCheck(call))
    } catch (error) {
      throw translated(error, 'store')
    } finally {
      client.close()
    }
  }

  async requireKey(store: KeyStore, xksKeyId: string, call: Asking): Promise<void> {
    const client = this.#client(store.proxy!, await openSecret(store, this.#world.secrets), store.region)
    try {
      if (await client.isUsable(xksKeyId, metadataOf(call, undefined))) return
    } catch (error) {
      throw translated(error, 'key')
    } finally {
      client.close()
    }
    const message = `The external key ${xksKeyId} is not an enabled 256-bit AES key that encrypts and decrypts.`
    fail('XksKeyInvalidConfigurationException', message)
  }

  follow(store: KeyStore): void {
    const begun = this.#begin(store)
    const { state } = store
    if (state === 'CONNECTING' || state === 'CONNECTED') this.#aside(this.#connect(store, begun))
    else {
      const connection = this.#open.get(store.id)
      this.#open.delete(store.id)
      this.#aside(this.#disconnect(store, begun, connection))
    }
  }

  /** Destroys a key where its store keeps it. Rejects while there is no way there, and does nothing once the store is gone. */
  async erase(id: string, token: Uint8Array): Promise<void> {
    const store = (await this.#world.records.keyStores.all()).find((each) => each.id === id)
    if (!store) return
    const isOurs = !store.cluster || this.#clusters.isSimulated(store.cluster.id)
    const connection = this.#open.get(id)
    if (isOurs) await this.#world.backend.erase?.(token)
    else if (connection) await connection.backend.erase?.(token)
    else throw new KmsError('CustomKeyStoreInvalidStateException', `The custom key store ${id} is ${store.state}.`)
  }

  /** Waits for what is under way, and hangs up. */
  async close(): Promise<void> {
    while (this.#busy.size > 0) await Promise.all(this.#busy)
    await Promise.all([...this.#open.values()].map((connection) => connection.close()))
    this.#open.clear()
  }

  #handedOut(backend: Backend): Backend {
    return this.around?.(backend) ?? backend
  }

  #begin({ id }: KeyStore): object {
    const begun = {}
    this.#begun.set(id, begun)
    return begun
  }

  #aside(work: Promise<void>): void {
    const caught = work.catch(() => undefined).finally(() => this.#busy.delete(caught))
    this.#busy.add(caught)
  }

  async #connect(store: KeyStore, begun: object): Promise<void> {
    let connection: Connection | undefined
    let error: ConnectionErrorCodeType | undefined
    try {
      connection = await this.#connection(store)
    } catch (cause) {
      error = store.cluster ? loginErrorOf(cause) : connectionErrorOf(cause)
    }
    if (this.#begun.get(store.id) !== begun) {
      await connection?.close()
      return
    }
    const before = this.#open.get(store.id)
    if (connection) this.#open.set(store.id, connection)
    else this.#open.delete(store.id)
    await before?.close()
    await this.#settle(store, begun, error ? 'FAILED' : 'CONNECTED', error)
  }

  async #disconnect(store: KeyStore, begun: object, connection: Connection | undefined): Promise<void> {
    await connection?.close()
    if (store.state === 'DISCONNECTING') await this.#settle(store, begun, 'DISCONNECTED')
  }

  /** Writes down how it ended, unless something else was begun meanwhile. */
  async #settle(
    { region, account, id }: KeyStore,
    begun: object,
    state: KeyStore['state'],
    error?: ConnectionErrorCodeType,
  ): Promise<void> {
    const { records } = this.#world
    for (;;) {
      const store = await records.keyStores.find(region, account, id)
      if (!store || this.#begun.get(id) !== begun || (store.state === state && store.error === error)) return
      try {
        await records.commit([putKeyStore({ ...store, state, error })])
        return
      } catch (conflict) {
        if (!isConflict(conflict)) throw conflict
      }
    }
  }

  async #connection(store: KeyStore): Promise<Connection> {
    const { backend, secrets, enveloping } = this.#world
    const { cluster, proxy, region } = store
    if (cluster && this.#clusters.isSimulated(cluster.id)) {
      return { backend, close: () => undefined }
    }
    const secret = await openSecret(store, secrets)
    if (proxy) return this.#proxied(this.#client(proxy, secret, region), store.state === 'CONNECTING')
    const { backend: token } = await this.#clusters.open(cluster!.id, secret)
    return { backend: enveloping(apart(token)), close: () => token.close() }
  }

  async #proxied(client: XksClient, isNew: boolean): Promise<Connection> {
    try {
      // Who was connected stays so, and notices when the proxy is needed.
      if (isNew) await client.health(healthCheck(this.#world))
    } catch (error) {
      client.close()
      throw error
    }
    const { backend } = this.#world
    return {
      backend,
      ofKey: (key, call) => externalKey(backend, client, key, call),
      close() {
        client.close()
      },
    }
  }

  #client({ endpoint, path, accessKeyId }: Proxy, secret: string, region: string): XksClient {
    const { xks = {}, clock } = this.#world
    return new XksClient({ endpoint, path, accessKeyId, secret, region }, xks, clock)
  }
}

/** A key for one call, of which the proxy is told. */
function externalKey(backend: Backend, client: XksClient, key: Key, call: Asking): Backend {
  const about = metadataOf(call, key)
  return xksBackend(backend, {
    encrypt: (plaintext, additional) => client.encrypt(key.xksKeyId!, plaintext, additional, about),
    decrypt: (sealed, additional) => client.decrypt(key.xksKeyId!, sealed, additional, about),
    translate(error) {
      const isOurs = error instanceof KmsError && error.code === 'InvalidCiphertextException'
      return translated(isOurs ? new ProxyError('Unusable', { cause: error }) : error, 'cryptography')
    },
  })
}

function metadataOf({ caller, context, operation, entropy }: Asking, key: Key | undefined): RequestMetadata {
  const { via, origin, region, requestId = entropy.uuid() } = context
  // Only who owns the key is told through which VPC somebody came.
  const endpoint = key?.account === caller.account ? origin.endpoint : undefined
  return {
    awsPrincipalArn: caller.arn,
    ...(endpoint && { awsSourceVpc: endpoint.vpc, awsSourceVpce: endpoint.id }),
    ...(key && { kmsKeyArn: key.arn }),
    kmsOperation: operation,
    kmsRequestId: requestId,
    ...(via && { kmsViaService: via.service.replace(/\.amazonaws\.com$/, `.${region}.amazonaws.com`) }),
  }
}

function healthCheck({ operation, context, entropy }: Partial<Asking> & Pick<Asking, 'entropy'>): RequestMetadata {
  return { kmsOperation: operation ?? 'ConnectCustomKeyStore', kmsRequestId: context?.requestId ?? entropy.uuid() }
}

function idsOf(stores: readonly KeyStore[]): string[] {
  return stores.map(({ cluster }) => cluster?.id).filter((id) => id !== undefined)
}

/** A service is where the store is: the name of one says its Region. */
function requireService({ service }: Proxy, region: string): void {
  if (service === undefined || service.name.startsWith(`com.amazonaws.vpce.${region}.`)) return
  const message = `The VPC endpoint service ${service.name} is not found in ${region}.`
  fail('XksProxyVpcEndpointServiceNotFoundException', message)
}
