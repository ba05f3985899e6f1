/** How a request came: equal for all requests of one sender by one way. */
import type { Source } from './decision.ts'

export interface Origin {
  readonly sourceIp: string
  readonly userAgent: string
  /** By TLS, or without leaving the process. */
  readonly secure: boolean
  readonly tls?: Tls | undefined
  /** The VPC's interface endpoint it came through. */
  readonly endpoint?: Endpoint | undefined
}

export interface Tls {
  /** `TLSv1.3` */
  readonly version: string
  readonly cipher: string
  /** The name the client asked for. */
  readonly host: string
}

export interface Endpoint {
  readonly id: string
  readonly vpc: string
  readonly account: string
  /** Undefined for the default one, which allows all. */
  readonly policy: Source | undefined
}
