/** Any endpoint of a KMS as a target: ours, somebody else's, AWS's own. Requests are made and signed by the generator in Rust. */
import { Buffer } from 'node:buffer'
import { lookup } from 'node:dns/promises'
import { rootCertificates } from 'node:tls'
import { toBase64 } from '../model/json.ts'
import { cpuMicrosOf, listenerOn } from './cpu.ts'
import type { LoadPlan, LoadRequest, LoadSigner, RunLoad } from './load.ts'
import type { Ask, Members } from './operations.ts'
import { NotMeasured, type Load, type Ran, type Run, type Target } from './target.ts'
import { readTimes } from './times.ts'

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

export interface EndpointOptions {
  readonly url: URL
  readonly region: string
  /** Who signs: the callers there are. */
  readonly credentials: readonly Credentials[]
  /** Certificates in PEM that the server's has to lead to. Default: those of Node. */
  readonly roots?: readonly string[]
  /** The server's process. Default: whoever listens there, if that is this machine. */
  readonly pid?: number
  readonly runLoad: RunLoad
  /** Sends a request of set-up, signed; bodies as JSON has them. */
  readonly ask: Ask
  /** Calls `act` so many milliseconds from now. */
  after(millis: number, act: () => void): () => void
}

export async function endpointTarget(options: EndpointOptions): Promise<Target> {
  const { url, credentials, region, runLoad, after } = options
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const { address, family } = await lookup(host).catch((cause: unknown) => {
    throw new NotMeasured(`there is no host \`${host}\``, { cause })
  })
  const server = options.pid ?? (isLocal(address) ? listenerOn(port) : undefined)
  const roots = url.protocol === 'https:' ? [...(options.roots ?? rootCertificates)] : undefined
  const where = {
    address: family === 6 ? `[${address}]:${port}` : `${address}:${port}`,
    host: url.host,
    ...(roots && { roots, serverName: host }),
  }
  const signers: LoadSigner[] = credentials.map((one) => ({ ...one, region, service: 'kms' }))
  return {
    told: { kind: 'http', name: url.host, url: url.href },
    principals: credentials.length,
    isLasting: true,
    ask: (operation, input) => options.ask(operation, toWire(input)),
    async run(load, run): Promise<Ran> {
      const plan: LoadPlan = { ...where, signers, ...planOf(load, run, url.pathname) }
      const cpu = cpuBetween(server, run.warmup * 1000, after)
      try {
        const outcome = await runLoad(plan, (interval) => run.onInterval(interval))
        const counted = outcome.tallies.map(({ histogram, errors }) => ({
          times: readTimes(toBase64(histogram)),
          errors: new Map(errors.map(({ name, count }) => [name, count])),
        }))
        const { intervals, seconds, busy, behind, unsent } = outcome
        return { counted, intervals, seconds, generator: { busy, behind, unsent }, cpuMicros: cpu.end() }
      } catch (cause) {
        throw new NotMeasured(`${url.host} does not answer: ${(cause as Error).message}`, { cause })
      } finally {
        cpu.end()
      }
    },
    close: async () => undefined,
  }
}

function planOf(
  { names, requests, order }: Load,
  run: Run,
  path: string,
): Omit<LoadPlan, 'address' | 'host' | 'signers'> {
  // Callers ask for the same with the same bytes.
  const bodies = new Map<Members, Buffer>()
  const made = requests.map(({ kind, operation, input, principal }): LoadRequest => {
    const body = bodies.get(input) ?? Buffer.from(JSON.stringify(toWire(input)))
    bodies.set(input, body)
    const headers = ['content-type', 'application/x-amz-json-1.1', 'x-amz-target', `TrentService.${operation}`]
    return { kind, method: 'POST', path, headers, body, signer: principal }
  })
  return {
    ...{ requests: made, order, kinds: names.length, connections: run.connections },
    ...('rate' in run.pace && { rate: run.pace.rate }),
    ...{ warmupMillis: run.warmup * 1000, durationMillis: run.seconds * 1000 },
  }
}

/** Blobs as text; what came from the wire is text already. */
function toWire(input: Members): Members {
  const members = Object.entries(input).map(([name, value]) => [
    name,
    value instanceof Uint8Array ? toBase64(value) : value,
  ])
  return Object.fromEntries(members) as Members
}

/** What the server uses from the end of the warm-up on. */
function cpuBetween(pid: number | undefined, warmup: number, after: EndpointOptions['after']) {
  let from: number | undefined
  const cancel = after(warmup, () => {
    from = pid === undefined ? undefined : cpuMicrosOf(pid)
  })
  return {
    end(): number | undefined {
      cancel()
      const until = pid === undefined ? undefined : cpuMicrosOf(pid)
      return from === undefined || until === undefined ? undefined : until - from
    },
  }
}

const isLocal = (address: string): boolean => address.startsWith('127.') || address === '::1'
