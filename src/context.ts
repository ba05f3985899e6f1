/** How a request came: who calls, at which Region's endpoint, from where, and on whose behalf. */
import type { Caller } from './identity.ts'
import type { Origin } from './origin.ts'

export interface Context {
  readonly caller: Caller
  readonly region: string
  /** What the door calls the request, if it calls it anything. */
  readonly requestId?: string
  /** One object for all requests that come the same way. */
  readonly origin: Origin
  /** Set in process alone: no request can claim it. */
  readonly via?: Via
  /** Milliseconds that a grant made by this request is to live; AWS's grants know no end. */
  readonly grantExpiresIn?: number
}

/** An AWS service between the caller and the KMS. */
export interface Via {
  /** `s3.amazonaws.com` */
  readonly service: string
  /** It calls in its own name, or forwards the request of somebody whose rights are asked for. */
  readonly mode: 'principal' | 'forwarded'
  /** The resource, and its account, that a service calling in its own name acts for. */
  readonly sourceArn?: string
  readonly sourceAccount?: string
}
