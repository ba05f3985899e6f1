/** Which external keys there are, what each may be used for, and for whom. */
import { anyOf } from '../policy/match.ts'
import { XksError, type EncryptRequest, type RequestMetadata, type XksApi, type XksRequests } from './api.ts'
import type { ExternalKeys } from './keys.ts'

export interface ExternalKeyConfig {
  /** 1 to 128 of `A-Za-z0-9._-`. */
  readonly id: string
  /** Default: both. */
  readonly usage?: readonly KeyUse[] | undefined
  /** Default true. */
  readonly enabled?: boolean | undefined
  /** Made when the proxy starts, unless it is there. */
  readonly create?: boolean | undefined
  /** Refuses to encrypt for whoever does not ask for the integrity value. */
  readonly requireIntegrity?: boolean | undefined
  /** Which KMS keys may use it, by ARN, with `*` and `?`; default: any. CreateKey asks before its key has an ARN, and may. */
  readonly kmsKeys?: readonly string[] | undefined
  /** For whom they may, by ARN; default: anybody. */
  readonly principals?: readonly string[] | undefined
}

export type KeyUse = 'ENCRYPT' | 'DECRYPT'

/** An external key, ready to say no. */
export interface ExternalKey {
  readonly id: string
  readonly usage: readonly KeyUse[]
  readonly enabled: boolean
  readonly requireIntegrity: boolean
  readonly forKey: (arn: string) => boolean
  readonly forPrincipal: (arn: string) => boolean
}

export function permits(configs: readonly ExternalKeyConfig[], keys: ExternalKeys) {
  const known = new Map(configs.map((config) => [config.id, keyOf(config)]))
  return {
    async find(id: string): Promise<ExternalKey> {
      const key = known.get(id)
      if (!key || !(await keys.find(id))) throw new XksError('KeyNotFoundException', 'there is no such key')
      return key
    },
    /** Throws what keeps a request from `key`. */
    admit(key: ExternalKey, api: XksApi, asked: XksRequests[XksApi]): void {
      requireLeave(key, asked.requestMetadata)
      const use = USES[api]
      if (use === undefined) return
      if (!key.enabled) throw new XksError('InvalidStateException', 'the key is disabled')
      if (!key.usage.includes(use)) throw new XksError('InvalidKeyUsageException', `the key is not for ${use}`)
      const { ciphertextDataIntegrityValueAlgorithm: integrity } = asked as EncryptRequest
      if (use === 'ENCRYPT' && key.requireIntegrity && integrity === undefined)
        throw new XksError('ValidationException', 'the key is used with an integrity value only')
    },
  }
}

/** What an API uses a key for. */
const USES: Readonly<Partial<Record<XksApi, KeyUse>>> = { encrypt: 'ENCRYPT', decrypt: 'DECRYPT' }

function keyOf(config: ExternalKeyConfig): ExternalKey {
  const { id, usage = ['ENCRYPT', 'DECRYPT'], enabled = true, requireIntegrity = false } = config
  const { kmsKeys = ['*'], principals = ['*'] } = config
  return { id, usage, enabled, requireIntegrity, forKey: anyOf(kmsKeys), forPrincipal: anyOf(principals) }
}

function requireLeave(key: ExternalKey, { kmsKeyArn, awsPrincipalArn = '' }: RequestMetadata): void {
  if (kmsKeyArn !== undefined && !key.forKey(kmsKeyArn)) {
    throw new XksError('AccessDeniedException', 'the key is not for this KMS key')
  }
  if (!key.forPrincipal(awsPrincipalArn))
    throw new XksError('AccessDeniedException', 'the key is not for this principal')
}
