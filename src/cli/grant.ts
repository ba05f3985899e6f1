/** `strongroom grant create`: a grant made by a running server, for as long as one says; which no AWS client can ask for. */
import { durationOf } from '../grants.ts'
import type { CreateGrantResponse } from '../model/kms.ts'
import { flagHelp, readFlags, UsageError, type Flags, type Given } from './flags.ts'
import { ask, type Remote } from './remote.ts'

/** What it needs of the world; requests are sent with the credentials of the environment. */
export interface GrantWorld extends Pick<Remote, 'env' | 'now' | 'fetch'> {
  out(text: string): unknown
}

const CREATE = {
  key: { values: ['ID'], help: 'on this key: its id or ARN' },
  grantee: { values: ['ARN'], help: 'to this user, role, session or account' },
  operations: { values: ['NAME,…'], help: 'for these operations: Decrypt,Encrypt' },
  'expires-in': { values: ['TIME'], help: 'for so long: 24h, 30m, 7d, 90s; without it, until it is revoked' },
  name: { values: ['NAME'], help: 'asked for again under this name, it is the same grant' },
  'endpoint-url': {
    values: ['URL'],
    help: 'of this server (AWS_ENDPOINT_URL_KMS, AWS_ENDPOINT_URL, http://localhost:4599)',
  },
  region: { values: ['NAME'], help: 'in this Region (AWS_REGION, AWS_DEFAULT_REGION, us-east-1)' },
} as const satisfies Flags

export const GRANT_HELP = `usage: strongroom grant create --key ID --grantee ARN --operations NAME,… [flags]

${flagHelp(CREATE)}
Prints the grant's id and token as JSON. Signed with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
`

/** Does what the first argument says; the exit code. */
export async function grant([verb = '', ...args]: readonly string[], world: GrantWorld): Promise<number> {
  if (verb !== 'create')
    throw new UsageError(verb === '' ? '`grant` what? `grant create`' : `unknown \`grant ${verb}\``)
  const given = readFlags(CREATE, args)
  const called = { service: 'kms', target: 'TrentService.CreateGrant', headers: lasting(given['expires-in']?.[0]) }
  const { GrantId, GrantToken } = await ask<CreateGrantResponse>(remoteOf(given, world), called, inputOf(given))
  await world.out(`${JSON.stringify({ GrantId, GrantToken }, null, 2)}\n`)
  return 0
}

function inputOf({ key, grantee, operations, name }: Given<typeof CREATE>): object {
  if (!key || !grantee || !operations) throw new UsageError('`--key`, `--grantee` and `--operations` are needed')
  return {
    KeyId: key[0],
    GranteePrincipal: grantee[0],
    Operations: operations[0]!.split(',').map((operation) => operation.trim()),
    Name: name?.[0],
  }
}

/** How long the grant is to last, in a header: CreateGrant has no member for it. */
function lasting(time: string | undefined): Record<string, string> {
  if (time === undefined) return {}
  try {
    return { 'x-strongroom-grant-expires-in': String(durationOf(time) / 1000) }
  } catch {
    throw new UsageError(`\`--expires-in\` takes 90s, 30m, 24h or 7d, up to 3650d, and not \`${time}\``)
  }
}

function remoteOf(given: Given<typeof CREATE>, { env, ...world }: GrantWorld): Remote {
  const endpoint = given['endpoint-url']?.[0] ?? env.AWS_ENDPOINT_URL_KMS ?? env.AWS_ENDPOINT_URL ?? ENDPOINT
  if (!URL.canParse(endpoint)) throw new UsageError(`\`${endpoint}\` is no URL`)
  const [region] = given.region ?? []
  return { ...world, endpoint, env: region === undefined ? env : { ...env, AWS_REGION: region } }
}

const ENDPOINT = 'http://localhost:4599'
