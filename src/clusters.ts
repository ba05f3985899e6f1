/**
 * AWS CloudHSM clusters as there can be some here: PKCS#11 tokens, each behind the id of a cluster, whose PIN is the password of
 * `kmsuser`; or none at all, which the HSM of the room itself stands in for.
 */
import type { Backend, Eventually, OpenedBackend } from './backends/backend.ts'
import { pkcs11, type Pkcs11Options } from './backends/pkcs11.ts'
import { located } from './backends/pkcs11/choice.ts'
import { Library } from './backends/pkcs11/cryptoki.ts'
import { ckrOf, TokenError, type TokenErrorCode } from './backends/pkcs11/faults.ts'
import { Token } from './backends/pkcs11/token.ts'
import { fail, KmsError } from './errors.ts'
import type { Cluster } from './keystores.ts'
import type { ConnectionErrorCodeType } from './model/kms.ts'

/** Which token a cluster is; it has no PIN, for that is the password of each custom key store. */
export interface ClusterOptions extends Omit<Pkcs11Options, 'pin' | 'pinFile'> {
  /** The certificate that stores have to name as their trust anchor, in PEM. Default: any will do. */
  readonly trustAnchor?: string
}

/** By the ids of clusters; `simulated` ones keep their keys in the HSM of the room. */
export type ClustersConfig = Readonly<Record<string, ClusterOptions | 'simulated'>>

export class Clusters {
  readonly #known: ClustersConfig

  constructor(known: ClustersConfig = {}) {
    this.#known = known
  }

  isSimulated(id: string): boolean {
    return this.#known[id] === 'simulated'
  }

  /**
   * Refuses a cluster that is not there, not at work, has another trust anchor, is that of one of `others`, or is not that of
   * `before` by another id: two ids may lead to one token, as clusters may have been made of one backup.
   */
  async examine({ id, trustAnchor }: Cluster, before: Cluster | undefined, others: readonly string[]): Promise<void> {
    const cluster = this.#known[id] ?? fail('CloudHsmClusterNotFoundException', `The cluster ${id} is not found.`)
    if (before && !this.#areRelated(before.id, id)) {
      fail('CloudHsmClusterNotRelatedException', `The cluster ${id} is not related to ${before.id}.`)
    }
    if (cluster === 'simulated') return
    if (others.some((other) => this.#areRelated(other, id))) {
      fail('CloudHsmClusterInUseException', `The cluster ${id} is in use by another custom key store.`)
    }
    if (cluster.trustAnchor !== undefined && bare(cluster.trustAnchor) !== bare(trustAnchor)) {
      fail('IncorrectTrustAnchorException', `The trust anchor certificate is not that of the cluster ${id}.`)
    }
    try {
      await look(cluster)
    } catch (error) {
      const isAbsent = error instanceof TokenError && error.code === 'TokenMissing'
      if (isAbsent) fail('CloudHsmClusterNotActiveException', `The cluster ${id} is not active.`)
      fail('CloudHsmClusterInvalidConfigurationException', `The cluster ${id} is not configured as it has to be.`)
    }
  }

  /** Logs in to the token of a cluster. Rejects with what `loginErrorOf` understands. */
  async open(id: string, password: string): Promise<OpenedBackend> {
    const cluster = this.#known[id]
    if (cluster === undefined || cluster === 'simulated') throw new MissingCluster(id)
    return pkcs11({ ...cluster, pin: password }).open()
  }

  #areRelated(one: string, other: string): boolean {
    const [a, b] = [this.#known[one], this.#known[other]]
    return a !== undefined && b !== undefined && placeOf(a) === placeOf(b)
  }
}

class MissingCluster extends Error {}

/** Why a store could not connect to its cluster. */
export function loginErrorOf(error: unknown): ConnectionErrorCodeType {
  if (error instanceof MissingCluster) return 'CLUSTER_NOT_FOUND'
  if (!(error instanceof TokenError)) return 'INTERNAL_ERROR'
  return BY_RETURN_VALUE[ckrOf(error)] ?? BY_CODE[error.code] ?? 'INTERNAL_ERROR'
}

const BY_RETURN_VALUE: Readonly<Record<string, ConnectionErrorCodeType>> = {
  CKR_USER_PIN_NOT_INITIALIZED: 'USER_NOT_FOUND',
  CKR_USER_ANOTHER_ALREADY_LOGGED_IN: 'USER_LOGGED_IN',
}

const BY_CODE: Partial<Readonly<Record<TokenErrorCode, ConnectionErrorCodeType>>> = {
  PinIncorrect: 'INVALID_CREDENTIALS',
  PinExpired: 'INVALID_CREDENTIALS',
  PinLocked: 'USER_LOCKED_OUT',
  TokenMissing: 'INSUFFICIENT_CLOUDHSM_HSMS',
  TokenRemoved: 'NETWORK_ERRORS',
}

/** Whether the token is there, without logging in. */
async function look(cluster: ClusterOptions): Promise<void> {
  const { module, choice } = located({ ...cluster, pin: '' })
  const library = await Library.open(module)
  try {
    new Token(library, choice).about()
  } finally {
    library.close()
  }
}

function placeOf(cluster: ClusterOptions | 'simulated'): string {
  if (cluster === 'simulated') return cluster
  const { module, uri, tokenLabel, slot } = cluster
  return JSON.stringify([module, uri, tokenLabel, slot])
}

/** Certificates are compared but for how their lines end. */
function bare(pem: string): string {
  return pem.replace(/\s/g, '')
}

/** What keeps a token from answering, whatever it was asked. */
const AWAY: ReadonlySet<TokenErrorCode> = new Set([
  ...(['TokenRemoved', 'TokenMissing', 'ModuleCrashed', 'ModuleFailed'] as const),
  ...(['PinIncorrect', 'PinLocked', 'PinExpired'] as const),
])

/**
 * Does `act`; of a token that does not answer `code` is told instead, for the store stays connected, as AWS's do.
 * https://docs.aws.amazon.com/kms/latest/developerguide/fix-keystore.html
 */
function reaching<T>(act: () => Eventually<T>, code = 'KMSInvalidStateException'): Eventually<T> {
  const told = (error: unknown): never => {
    const cause = error instanceof KmsError ? error.cause : error
    if (!(cause instanceof TokenError && AWAY.has(cause.code))) throw error
    throw new KmsError(code, 'KMS cannot communicate with your CloudHSM cluster', { cause })
  }
  try {
    const done = act()
    return done instanceof Promise ? done.catch(told) : done
  } catch (error) {
    return told(error)
  }
}

/**
 * A token's backend that remembers itself what it has open. A material's own pocket is the room's backend's: a number in it would
 * be taken there for a key of its own, or here for one of a connection that is over.
 */
export function apart(backend: Backend): Backend {
  const { cipher } = backend
  type Material = Parameters<typeof cipher.seal>[0]
  const known = new Map<string, Material>()
  const own = (material: Material): Material => {
    const found = known.get(material.id)
    if (found) return found
    const mine = { ...material, opened: { slot: 0 } }
    known.set(material.id, mine)
    return mine
  }
  return {
    create: (...given) => reaching(() => backend.create(...given), 'CloudHsmClusterInvalidConfigurationException'),
    random: (length) => backend.random(length),
    cipher: {
      seal: (material, ...rest) => reaching(() => cipher.seal(own(material), ...rest)),
      open: (material, ...rest) => reaching(() => cipher.open(own(material), ...rest)),
      sealInto: (material, ...rest) => reaching(() => cipher.sealInto(own(material), ...rest)),
      openInto: (material, ...rest) => reaching(() => cipher.openInto(own(material), ...rest)),
      sealMany: (material, ...rest) => reaching(() => cipher.sealMany(own(material), ...rest)),
      dataKey: (material, ...rest) => reaching(() => cipher.dataKey(own(material), ...rest)),
      reseal: (source, blob, from, destination, to) =>
        reaching(() => cipher.reseal(own(source), blob, from, own(destination), to)),
    },
    recipients: backend.recipients,
    release: () => undefined,
    async erase(token) {
      for (const [id, mine] of known) {
        if (Buffer.compare(mine.token!, token) !== 0) continue
        backend.release(mine)
        known.delete(id)
      }
      await backend.erase?.(token)
    },
    close: () => backend.close(),
  }
}
