/** The config file: what a server is to serve, and who is to be served. */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { accountsReader, organizationReader } from './identities/written.ts'
import { requireFault, type Fault } from './faults.ts'
import type { AccountConfig, OrganizationConfig } from './identity.ts'
import { parseTokenUri } from './backends/pkcs11/uri.ts'
import type { ClustersConfig } from './clusters.ts'
import type { QuotaSetting } from './quotas/quotas.ts'
import { quotasReader, readQuotas } from './quotas/written.ts'
import type { XksOptions } from './xks/client.ts'
import {
  checked,
  ConfigError,
  flag,
  integer,
  list,
  oneOf,
  parseYaml,
  record,
  text,
  type Reader,
  dictionary,
} from './schema.ts'

export { ConfigError } from './schema.ts'

/** A token as a person names it; the PIN is in a file of its own. */
export interface TokenConfig {
  uri?: string
  module?: string
  tokenLabel?: string
  slot?: number
  pinFile?: string
  profile?: string
  sessions?: number
  isolate?: boolean
}

/** Many of these are also flags of `strongroom serve`; a flag that is given wins over the file. */
export interface Config {
  accounts?: AccountConfig[]
  organization?: OrganizationConfig
  account?: string
  host?: string
  port?: number
  data?: string
  memory?: boolean
  slots?: number
  deviceRate?: number
  /** The token that keys are in; the file may say its URI alone. */
  backend?: TokenConfig
  seed?: number
  tls?: { cert: string; key: string }
  /** Certificates in PEM; the file names the files they are in. */
  attestationRoots?: string[]
  settleMillis?: number
  /** AWS CloudHSM clusters by id: tokens, or `simulated`; their trust anchors are the names of files. */
  clusters?: ClustersConfig
  /** How proxies of external key stores are reached; certificates and the key are the names of files. */
  xks?: XksOptions
  /** Any six digits pass for the code of an MFA device. */
  simulatedMfa?: boolean
  grantDelayMillis?: number
  /** The file says `aws`, `classic`, figures, or the name of a file with such figures. */
  quotas?: QuotaSetting
  /** What goes wrong from the start. */
  faults?: Fault[]
  audit?: 'batched' | 'strict' | 'off'
  /** Days that files of the audit trail are kept. */
  auditDays?: number
}

/** What numbers may be, in the file and on the command line. */
export const RANGES = {
  port: [0, 65_535],
  slots: [1, 16_777_216],
  deviceRate: [1, 1_000_000_000],
  slot: [0, 65_535],
  sessions: [1, 1024],
  seed: [0, Number.MAX_SAFE_INTEGER],
  settleMillis: [0, 3_600_000],
  grantDelayMillis: [0, 3_600_000],
  auditDays: [1, 36_500],
} as const

export const ACCOUNT_ID = /^\d{12}$/

/** Reads a file; the paths in it are relative to its folder. */
export function readConfig(file: string): Config {
  const config = parseConfig(readText(file), file)
  const path = (value: string) => resolve(dirname(file), value)
  const { data, tls, attestationRoots, quotas, backend, clusters, xks } = config
  const pem = (value: string | undefined) => value && readText(path(value))
  return {
    ...config,
    data: data === undefined ? undefined : path(data),
    tls: tls === undefined ? undefined : { cert: path(tls.cert), key: path(tls.key) },
    attestationRoots: attestationRoots?.map((root) => readText(path(root))),
    ...(backend && { backend: tokenAt(backend, path) }),
    ...(clusters && { clusters: clustersAt(clusters, path) }),
    ...(xks && {
      xks: { ...xks, ca: xks.ca?.map((each) => readText(path(each))), cert: pem(xks.cert), key: pem(xks.key) },
    }),
    ...(quotas !== undefined && { quotas: typeof quotas === 'string' ? readQuotas(quotas, path) : quotas }),
  }
}

function clustersAt(clusters: ClustersConfig, path: (value: string) => string): ClustersConfig {
  const placed = Object.entries(clusters).map(([id, cluster]) => {
    if (cluster === 'simulated') return [id, cluster] as const
    const { module, trustAnchor } = cluster
    return [id, { ...cluster, module: module && path(module), trustAnchor: trustAnchor && readText(path(trustAnchor)) }]
  })
  return Object.fromEntries(placed) as ClustersConfig
}

/** A token whose files are where `path` says. */
export function tokenAt(token: TokenConfig, path: (value: string) => string): TokenConfig {
  const { module, pinFile, profile } = token
  return {
    ...token,
    module: module && path(module),
    pinFile: pinFile && path(pinFile),
    profile: profile && path(profile),
  }
}

export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new ConfigError(`${file}: cannot be read (${(cause as NodeJS.ErrnoException).code})`, { cause })
  }
}

/** Throws a ConfigError with a line for each mistake: `file:line:column: what is wrong`. */
export function parseConfig(text: string, file: string): Config {
  return parseYaml(text, file, shape()) as Config
}

/** The file's shape, anew for each file: identifiers must differ over the whole of it. */
function shape(): Reader {
  const accountId = text(ACCOUNT_ID, 'an account id of 12 digits')
  return record({
    accounts: accountsReader('whole'),
    organization: organizationReader(),
    account: accountId,
    host: text(/^\S+$/, 'an address or host name'),
    port: integer(RANGES.port),
    data: text(/./, 'a folder'),
    memory: flag,
    slots: integer(RANGES.slots),
    deviceRate: integer(RANGES.deviceRate),
    backend: tokenReader,
    seed: integer(RANGES.seed),
    tls: record({ cert: text(/./, 'a file'), key: text(/./, 'a file') }, ['cert', 'key']),
    attestationRoots: list(text(/./, 'a file')),
    settleMillis: integer(RANGES.settleMillis),
    simulatedMfa: flag,
    grantDelayMillis: integer(RANGES.grantDelayMillis),
    clusters: dictionary(CLUSTER_ID, 'the id of a cluster, such as cluster-234567abcde', clusterReader),
    xks: xksReader,
    quotas: quotasReader,
    faults: list(checked((fault) => requireFault(JSON.parse(fault) as Fault))),
    audit: oneOf(['batched', 'strict', 'off']),
    auditDays: integer(RANGES.auditDays),
  })
}

const CLUSTER_ID = /^cluster-[2-7a-zA-Z]{11,16}$/

/** A token without a PIN, for that is the password of `kmsuser`. */
const clusterReader: Reader = (node, name, tell) =>
  ('items' in node ? namedCluster : oneOf(['simulated']))(node, name, tell)

const namedCluster = record({
  uri: checked(parseTokenUri),
  module: text(/./, 'a file'),
  tokenLabel: text(/./, 'a label'),
  slot: integer(RANGES.slot),
  sessions: integer(RANGES.sessions),
  isolate: flag,
  trustAnchor: text(/./, 'a file'),
})

const xksReader = record({
  ca: list(text(/./, 'a file')),
  cert: text(/./, 'a file'),
  key: text(/./, 'a file'),
  endpoints: dictionary(/^https:\/\//, 'an https endpoint', text(/^https?:\/\//, 'a URL')),
  timeoutMillis: integer([1, 60_000]),
})

/** What names a token, or its URI. */
export const tokenReader: Reader = (node, name, tell) => {
  if ('items' in node) return namedToken(node, name, tell)
  const uri = checked(parseTokenUri)(node, name, tell)
  return typeof uri === 'string' ? { uri } : uri
}

const namedToken = record({
  uri: checked(parseTokenUri),
  module: text(/./, 'a file'),
  tokenLabel: text(/./, 'a label'),
  slot: integer(RANGES.slot),
  pinFile: text(/./, 'a file'),
  profile: text(/./, 'a file'),
  sessions: integer(RANGES.sessions),
  isolate: flag,
})
