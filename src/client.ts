/** The direct door: one method an operation, typed with AWS's shapes, in the name of one caller at one Region. */
import { OPERATIONS, type Inputs, type OperationName, type Outputs } from './model/kms.ts'
import { KeyHandle } from './handle.ts'
import type { Context } from './context.ts'
import { durationOf } from './grants.ts'
import { prepared, type Prepared, type Service } from './service.ts'

/** What AWS's CreateGrant does not know. */
export interface GrantOptions {
  /** When the grant stops working: `24h`, `30m`, `7d`, or seconds. Default: never. */
  expiresIn?: string | number
}

/** `encrypt`, `decrypt`, `reEncrypt` …: what AWS calls Encrypt, Decrypt, ReEncrypt. */
export type Operations = {
  readonly [N in OperationName as Uncapitalize<N>]: (
    ...input: Partial<Inputs[N]> extends Inputs[N] ? [input?: Inputs[N]] : [input: Inputs[N]]
  ) => Promise<Outputs[N]>
} & {
  readonly createGrant: (input: Inputs['CreateGrant'], options?: GrantOptions) => Promise<Outputs['CreateGrant']>
}

class Door {
  protected readonly service: Service
  protected readonly context: Context

  constructor(service: Service, context: Context) {
    this.service = service
    this.context = context
  }

  /** A key by any of its names, for doing many things with it; see `KeyHandle`. */
  key(id: string): KeyHandle {
    return new KeyHandle(this.service, this.context, id)
  }
}

/** A call's context, with what its operation alone takes. */
function contextWith(context: Context, name: string, options: GrantOptions | undefined): Context {
  if (name !== 'CreateGrant' || options?.expiresIn === undefined) return context
  return { ...context, caller: context.caller, grantExpiresIn: durationOf(options.expiresIn) }
}

for (const name of Object.keys(OPERATIONS)) {
  let entry: Prepared | undefined
  Object.defineProperty(Door.prototype, name[0]!.toLowerCase() + name.slice(1), {
    // Asynchronous, so that whatever is thrown on the spot comes as a rejection all the same.
    async value(
      this: { service: Service; context: Context },
      input: unknown,
      options?: GrantOptions,
    ): Promise<unknown> {
      const context = options === undefined ? this.context : contextWith(this.context, name, options)
      return this.service.run((entry ??= prepared(name)), input ?? {}, context)
    },
  })
}

/** Calls the KMS as one caller. The methods are made from AWS's model, hence the cast. */
export const Client = Door as unknown as new (service: Service, context: Context) => Door & Operations
export type Client = Door & Operations
