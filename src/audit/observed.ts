/**
 * What the trail reads of a call, of who made it and how it came: structural, so that the trail stands below the pipeline
 * that feeds it.
 */
import type { Instant } from '../clock.ts'
import type { OperationName } from '../model/kms.ts'

/** An operation. */
export interface ObservedEntry {
  readonly name: OperationName
}

/** A request, with whatever of it was found before it succeeded or failed. */
export interface ObservedCall {
  /** As it came: of any shape at all when it was refused for that. */
  readonly input: unknown
  readonly now: Instant
  readonly key?: ObservedKey | undefined
  readonly source?: ObservedKey | undefined
  readonly destination?: ObservedKey | undefined
  readonly alias?: ObservedAlias | undefined
  readonly material?: { readonly id: string } | undefined
  readonly recipient?: ObservedRecipient | undefined
  readonly grant?: { readonly id: string } | undefined
  readonly keyStore?: ObservedKeyStore | undefined
  readonly decisions?: readonly (ObservedDecision | undefined)[] | undefined
}

export interface ObservedResource {
  readonly arn: string
  readonly account: string
}

/** The place of an alias, and the one that is there. */
export interface ObservedAlias extends ObservedResource {
  readonly alias: { readonly target: string } | undefined
}

export interface ObservedKey extends ObservedResource {
  readonly region: string
  readonly spec: string
  readonly currentId: string
  readonly customKeyStoreId?: string | undefined
  readonly clusterId?: string | undefined
  readonly xksKeyId?: string | undefined
}

/** A custom key store that was made, changed, or asked for something. */
export interface ObservedKeyStore {
  readonly id: string
  readonly name: string
  readonly cluster: { readonly id: string } | undefined
}

export interface ObservedRecipient {
  readonly moduleId: string
  readonly platform: 'enclave' | 'tpm'
  readonly pcrs: ReadonlyMap<number, Uint8Array>
}

/** Why it was allowed or refused. */
export interface ObservedDecision {
  readonly allowed: boolean
  readonly explicit: string | undefined
  readonly grounds: readonly {
    readonly kind: string
    readonly name: string
    readonly statement: { readonly index: number; readonly sid: string | undefined; readonly effect: string }
  }[]
  readonly grant: string | undefined
  readonly missing: readonly string[]
}

/** How a request came. Callers and origins are told apart by identity: who shares one, shares all that it says. */
export interface ObservedContext {
  readonly caller: ObservedCaller
  readonly region: string
  readonly requestId?: string | undefined
  readonly origin: ObservedOrigin
  readonly via?: ObservedVia | undefined
}

export interface ObservedCaller {
  readonly type: 'Root' | 'User' | 'AssumedRole' | 'FederatedUser' | 'Service'
  readonly arn: string
  readonly account: string
  readonly accessKeyId: string
  readonly principalId: string
  readonly userName: string | undefined
  readonly session: ObservedSession | undefined
}

export interface ObservedSession {
  readonly created: Instant
  readonly mfa: boolean
  readonly sourceIdentity: string | undefined
  readonly issuer:
    | {
        readonly type: string
        readonly principalId: string
        readonly arn: string
        readonly account: string
        readonly userName: string
      }
    | undefined
}

export interface ObservedOrigin {
  readonly sourceIp: string
  readonly userAgent: string
  readonly tls?: {
    readonly version: string
    readonly cipher: string
    readonly host: string
    readonly keyExchange?: string | undefined
  }
  readonly endpoint?: { readonly id: string; readonly account: string } | undefined
}

export interface ObservedVia {
  readonly service: string
  readonly mode: 'principal' | 'forwarded'
}

/** What the service does by itself, because a date called for it. */
export interface ServiceEvent {
  readonly name: 'RotateKey' | 'DeleteKey' | 'DeleteExpiredKeyMaterial' | 'SynchronizeMultiRegionKey' | 'ExpireGrant'
  readonly at: Instant
  readonly key: ObservedResource & { readonly id: string; readonly region: string }
  /** For `serviceEventDetails`, besides the keyId: rotationType, currentKeyMaterialId, grantId … */
  readonly details?: Readonly<Record<string, string>>
  /** For `additionalEventData`: what was behind a key of a custom key store. */
  readonly additional?: Readonly<Record<string, string>> | undefined
}
