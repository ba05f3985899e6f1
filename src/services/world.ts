/** What a service around the KMS is given: its records, a folder for its bytes, the KMS itself, and who may use the service. */
import type { Client } from '../client.ts'
import type { Clock } from '../clock.ts'
import type { Context, Via } from '../context.ts'
import type { Entropy } from '../entropy.ts'
import type { Caller } from '../identity.ts'
import type { ContextReader } from '../policy/context.ts'
import type { Store } from '../store/store.ts'

export interface ServiceWorld {
  readonly store: Store
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: (line: string) => void
  /** The folder of a service's own, `s3` say, made when it is first asked for (0700); of a room without one, until it closes. */
  folder(service: string): Promise<string>
  /** The KMS, asked in the name of `context`'s caller by way of a service; or as `caller`, a principal of the service's own. */
  kms(context: Context, via: Via | undefined, caller?: Caller): Client
  /** Seals what is the service's own and no customer's; what is sealed for one purpose opens for no other. */
  seal(purpose: string, secret: Uint8Array): Promise<Uint8Array>
  unseal(purpose: string, sealed: Uint8Array): Promise<Uint8Array>
  /** Throws Unreachable while a Region is cut off. */
  reach(region: string): void
  /** Throws AccessDeniedException unless the caller may; `told` reads the condition keys that are the service's own. */
  permit(wanted: Wanted, context: Context, told?: ContextReader): Promise<void>
}

/** An action of a service, on a resource of its. */
export interface Wanted {
  /** `s3:GetObject` */
  readonly action: string
  /** Undefined for an action on no resource in particular. */
  readonly resource: { readonly arn: string; readonly account: string } | undefined
  /** The resource's own policy, as JSON, where it has one. */
  readonly policy?: string | undefined
}

/** A service in the name of one caller: its methods without the context that they take last. */
export type Bound<S> = {
  readonly [M in keyof S as S[M] extends (input: never, context: Context) => unknown ? M : never]: S[M] extends (
    input: infer I,
    context: Context,
  ) => infer O
    ? (input: I) => O
    : never
}

/** Binds the methods of a service, all of which take an input and a context. */
export function bound<S extends object>(service: S, context: Context): Bound<S> {
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(service)).filter((name) => name !== 'constructor')
  const methods = service as Record<string, (input: unknown, context: Context) => unknown>
  return Object.fromEntries(
    names.map((name) => [name, (input: unknown = {}) => methods[name]!(input, context)]),
  ) as unknown as Bound<S>
}
