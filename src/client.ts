/** The direct door: one method an operation, typed with AWS's shapes, in the name of one caller at one Region. */
import { OPERATIONS, type Inputs, type OperationName, type Outputs } from './model/kms.ts'
import { KeyHandle } from './handle.ts'
import { prepared, type Context, type Prepared, type Service } from './service.ts'

/** `encrypt`, `decrypt`, `reEncrypt` …: what AWS calls Encrypt, Decrypt, ReEncrypt. */
export type Operations = {
  readonly [N in OperationName as Uncapitalize<N>]: (
    ...input: Partial<Inputs[N]> extends Inputs[N] ? [input?: Inputs[N]] : [input: Inputs[N]]
  ) => Promise<Outputs[N]>
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

for (const name of Object.keys(OPERATIONS)) {
  let entry: Prepared | undefined
  Object.defineProperty(Door.prototype, name[0]!.toLowerCase() + name.slice(1), {
    // Asynchronous, so that whatever is thrown on the spot comes as a rejection all the same.
    async value(this: { service: Service; context: Context }, input: unknown): Promise<unknown> {
      return this.service.run((entry ??= prepared(name)), input ?? {}, this.context)
    },
  })
}

/** Calls the KMS as one caller. The methods are made from AWS's model, hence the cast. */
export const Client = Door as unknown as new (service: Service, context: Context) => Door & Operations
export type Client = Door & Operations
