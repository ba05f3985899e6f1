/** Contexts of calls made in this process: for whom a client speaks, which is looked up again whenever identities change. */
import type { Context, Via } from './context.ts'
import { KmsError } from './errors.ts'
import type { Identities } from './identities/identities.ts'
import type { Caller } from './identity.ts'
import type { Endpoint, Origin } from './origin.ts'

/** Whom `room.as` speaks for, and where. What is left out is as the room has it. */
export interface Principal {
  /** An account, whose root it is; or else a user, a role or a role's session by `arn`, or an AWS service. */
  account?: string
  /** `arn:aws:iam::111122223333:role/app`, `arn:aws:sts::111122223333:assumed-role/app/one`, … */
  arn?: string
  region?: string
  /** An AWS service, `s3.amazonaws.com`, that calls in its own name, for `sourceArn` in `sourceAccount`. */
  service?: string
  sourceArn?: string
  sourceAccount?: string
  /** An AWS service that forwards the request of the principal. */
  via?: string
  /** The interface endpoint the request comes through. */
  endpoint?: Endpoint
  /** Default 127.0.0.1. */
  sourceIp?: string
}

const ORIGIN: Origin = { sourceIp: '127.0.0.1', userAgent: 'strongroom', secure: true }

/** The context of a client in process. Throws at once for a principal there is not, and on each call once it is gone. */
export function inProcess(identities: Identities, principal: Principal & { account: string; region: string }): Context {
  const { region, sourceIp = ORIGIN.sourceIp, endpoint } = principal
  const origin = endpoint || sourceIp !== ORIGIN.sourceIp ? { ...ORIGIN, sourceIp, endpoint } : ORIGIN
  const find = () => callerOf(identities, principal)
  let caller = find()
  let { epoch } = identities
  return {
    get caller() {
      if (epoch !== identities.epoch) {
        caller = find()
        epoch = identities.epoch
      }
      return caller
    },
    region,
    origin,
    via: viaOf(principal),
  }
}

function viaOf({ service, via, sourceArn, sourceAccount }: Principal): Via | undefined {
  if (service !== undefined) return { service, mode: 'principal', sourceArn, sourceAccount }
  return via === undefined ? undefined : { service: via, mode: 'forwarded' }
}

function callerOf(
  identities: Identities,
  { service, arn, account, sourceAccount }: Principal & { account: string },
): Caller {
  if (service !== undefined) return serviceCaller(service, sourceAccount ?? account)
  if (arn !== undefined) return identities.principal(arn)
  if (!/^\d{12}$/.test(account)) throw new KmsError('ValidationException', `account id \`${account}\` is not 12 digits`)
  return identities.root(account)
}

/** A service in its own name: nobody's policies are about it but those of what it asks for. */
function serviceCaller(service: string, account: string): Caller {
  return {
    type: 'Service',
    arn: service,
    account,
    accessKeyId: '',
    principalId: service,
    userName: undefined,
    tags: {},
    session: undefined,
    organization: undefined,
    policies: { identity: [], boundary: undefined, session: undefined, serviceControl: [] },
  }
}
