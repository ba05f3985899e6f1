/** `strongroom serve`: opens a room, serves it until told to stop, and says so in lines a person or a script can use. */
import { rename, writeFile } from 'node:fs/promises'
import { pkcs11 } from '../backends/pkcs11.ts'
import { ACCOUNT_ID, RANGES, readConfig } from '../config.ts'
import type { Config } from '../config.ts'
import { isLoopback } from '../http/server.ts'
import type { Listener, ListenOptions } from '../http/server.ts'
import { defaultAccounts } from '../identity.ts'
import { readQuotas } from '../quotas/written.ts'
import { SEED_WARNING } from '../entropy.ts'
import type { StrongroomOptions } from '../options.ts'
import { UsageError, wholeNumber } from './flags.ts'
import type { Flags, Given } from './flags.ts'
import { TOKEN, tokenOf } from './token.ts'

export const SERVE = {
  host: { values: ['H'], help: 'address to listen on (127.0.0.1); more than this machine only if you name it' },
  port: { values: ['N'], help: 'port to listen on (4599); 0 takes any free one' },
  'port-file': { values: ['F'], help: 'write the port to this file, once the server listens' },
  data: { values: ['DIR'], help: 'folder that keeps keys and records (.strongroom), made if need be' },
  memory: { values: [], help: 'keep nothing on disk' },
  account: { values: ['ID'], help: 'account of the access key test/test (000000000000)' },
  config: { values: ['FILE'], help: 'YAML file with accounts, access keys and any of these settings; flags win' },
  tls: { values: ['CERT', 'KEY'], help: 'serve HTTPS with this certificate and key (PEM files)' },
  slots: { values: ['N'], help: 'keys the HSM holds open at a time (65536)' },
  'device-rate': { values: ['N'], help: 'operations per second of the whole HSM (no limit)' },
  ...TOKEN,
  quotas: { values: ['aws|classic|FILE'], help: 'throttle as AWS does: its figures, those of old, or yours (off)' },
  audit: { values: ['MODE'], help: 'when what happened is on record: batched (default), strict, or off' },
  seed: { values: ['N'], help: 'make the same keys and ids each time, for tests; such keys are not secret' },
} as const satisfies Flags

/** What serving needs of a room. */
export interface ServedRoom {
  listen(options: ListenOptions): Promise<Listener>
  /** Does what dates call for, and files what is on record. */
  sweep(): Promise<unknown>
  close(): Promise<void>
}

/** Milliseconds from sweep to sweep. */
const SWEEP = 60_000

export interface World {
  open(options: StrongroomOptions): Promise<ServedRoom>
  out(text: string): unknown
  error(text: string): void
  /** Resolves when the operator wants us to stop. */
  stop: Promise<unknown>
}

/** Flags over file over defaults. */
export function settings(given: Given<typeof SERVE>): Config {
  const file = given.config ? readConfig(given.config[0]!) : {}
  const [cert, key] = given.tls ?? []
  const backend = tokenOf(given, file.backend)
  if (given.seed && backend) throw new UsageError('`--seed` makes no keys of a token repeat')
  if (given.data && given.memory) throw new UsageError('`--data` and `--memory` exclude each other')
  if (given.account && !ACCOUNT_ID.test(given.account[0]!)) throw new UsageError('`--account` must be 12 digits')
  // The flag that was given decides between folder and memory, whatever the file says.
  const memory = given.memory ? true : given.data ? false : file.memory
  return {
    accounts: file.accounts?.length ? file.accounts : undefined,
    account: given.account?.[0] ?? file.account,
    host: given.host?.[0] ?? file.host,
    port: wholeNumber('port', given.port, RANGES.port) ?? file.port ?? 4599,
    memory,
    data: memory ? undefined : (given.data?.[0] ?? file.data ?? '.strongroom'),
    slots: wholeNumber('slots', given.slots, RANGES.slots) ?? file.slots,
    deviceRate: wholeNumber('device-rate', given['device-rate'], RANGES.deviceRate) ?? file.deviceRate,
    backend,
    tls: cert !== undefined && key !== undefined ? { cert, key } : file.tls,
    seed: wholeNumber('seed', given.seed, RANGES.seed) ?? file.seed,
    attestationRoots: file.attestationRoots,
    organization: file.organization,
    quotas: given.quotas ? readQuotas(given.quotas[0]!) : file.quotas,
    audit: modeOf(given.audit?.[0]) ?? file.audit,
    auditDays: file.auditDays,
    faults: file.faults,
    grantDelayMillis: file.grantDelayMillis,
    settleMillis: file.settleMillis,
    simulatedMfa: file.simulatedMfa,
  }
}

function modeOf(text: string | undefined): Config['audit'] {
  if (text === undefined || text === 'batched' || text === 'strict' || text === 'off') return text
  throw new UsageError(`\`--audit\` must be batched, strict or off, not \`${text}\``)
}

/** Serves until told to stop; the exit code. */
export async function serve(given: Given<typeof SERVE>, { open, out, error, stop }: World): Promise<number> {
  const { host, port, tls, accounts, backend, ...options } = settings(given)
  const log = (line: string) => error(`strongroom: ${line}\n`)
  let damaged = false
  let giveUp = () => {}
  const damage = new Promise<void>((resolve) => (giveUp = resolve))
  const onDamage = (code: string, message: string) => {
    log(`damage found: ${code}: ${message}`)
    damaged = true
    giveUp()
  }

  const room = await open({
    ...options,
    accounts: accounts ?? defaultAccounts(options.account),
    backend: backend && pkcs11(backend),
    ...{ log, onDamage },
  })
  try {
    if (host !== undefined && !isLoopback(host)) {
      log(
        `listening on ${host}: other machines can reach this server${tls ? '' : ', and what is sent is not encrypted'}`,
      )
    }
    const listener = await room.listen({ host, port, tls, allowRemote: host !== undefined, log })
    if (given['port-file']) await writeWhole(given['port-file'][0]!, String(listener.port))
    out(readyLines(listener.url, { ...options, backend }, accounts === undefined))
    const sweeping = setInterval(() => {
      room.sweep().catch((problem: unknown) => log(`cannot sweep: ${nameOf(problem)}`))
    }, SWEEP)
    await Promise.race([stop, damage]).finally(() => clearInterval(sweeping))
    log('stopping')
  } finally {
    await room.close()
  }
  return damaged ? 1 : 0
}

/** What went wrong, by its name alone. */
function nameOf(problem: unknown): string {
  return problem instanceof Error ? problem.name : typeof problem
}

/** The credentials are shown only when they are the public ones; a config file's are its reader's business. */
function readyLines(url: string, { data, seed, backend }: Config, isDefault: boolean): string {
  const credentials = isDefault ? ' AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test' : ''
  const records =
    data === undefined ? 'Nothing is kept on disk' : `${backend ? 'Records' : 'Keys and records'} are kept in ${data}`
  const kept = backend ? `Keys are in a PKCS#11 token. ${records}.` : `${records}.`
  const warning = seed === undefined ? '' : `\nWARNING: ${SEED_WARNING}.`
  return `strongroom serves AWS KMS on ${url}
${kept}${warning} Any Region will do:

export AWS_ENDPOINT_URL_KMS=${url}${credentials} AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1

S3, EC2's volumes, RDS, IAM, STS and CloudTrail answer there, too; AWS_ENDPOINT_URL=${url} sends all clients.
Ready.
`
}

/** A reader of the file sees all of it or nothing. */
export async function writeWhole(file: string, text: string): Promise<void> {
  const draft = `${file}.${process.pid}.new`
  await writeFile(draft, text)
  await rename(draft, file)
}
