/** `strongroom xks-proxy`: keys for external key stores, served to a KMS until told to stop, and made. */
import { pkcs11 } from '../backends/pkcs11.ts'
import { RANGES } from '../config.ts'
import { isLoopback } from '../http/server.ts'
import { EXTERNAL_KEY_ID, XKS_BASE } from '../xks/api.ts'
import { PATH_PREFIX, readProxyConfig, type XksProxyConfig } from '../xks/config.ts'
import type { XksProxy, XksProxyOptions } from '../xks/proxy.ts'
import { flagHelp, readFlags, UsageError, wholeNumber, type Flags, type Given } from './flags.ts'
import { writeWhole } from './serve.ts'
import { TOKEN, tokenOf } from './token.ts'

const KEEPING = {
  config: { values: ['FILE'], help: 'YAML file with credentials, keys and any of these settings; flags win' },
  data: { values: ['DIR'], help: 'folder that keeps the keys (.strongroom-xks), made if need be' },
  ...TOKEN,
} as const satisfies Flags

const PROXY = {
  host: { values: ['H'], help: 'address to listen on (127.0.0.1); more than this machine only if you name it' },
  port: { values: ['N'], help: 'port to listen on (4700); 0 takes any free one' },
  'port-file': { values: ['F'], help: 'write the port to this file, once the proxy listens' },
  'path-prefix': { values: ['P'], help: `what paths begin with, before ${XKS_BASE}: /clinic` },
  tls: { values: ['CERT', 'KEY'], help: 'serve HTTPS with this certificate and key (PEM files)' },
  mtls: { values: ['CA'], help: 'ask clients for a certificate of one of these authorities (PEM file)' },
  'client-name': { values: ['CN'], help: 'take no other client than this: cks.kms.eu-central-1.amazonaws.com' },
  ...KEEPING,
} as const satisfies Flags

export const XKS_HELP = `usage: strongroom xks-proxy --config FILE [flags]
       strongroom xks-proxy key create ID --config FILE [flags]

To serve:

${flagHelp(PROXY)}
To make a key that the config file names without \`create: true\`:

${flagHelp(KEEPING)}`

export interface XksWorld {
  proxy(options: XksProxyOptions): Promise<XksProxy>
  out(text: string): unknown
  error(text: string): void
  stop: Promise<unknown>
}

/** Serves, or makes a key; the exit code. */
export async function xksProxy(args: readonly string[], world: XksWorld): Promise<number> {
  if (args[0] !== 'key') return serve(readFlags(PROXY, args), world)
  const [, verb, id = '', ...flags] = args
  if (verb !== 'create' || !EXTERNAL_KEY_ID.test(id))
    throw new UsageError('`xks-proxy key create` needs an external key id: 1 to 128 of A-Z, a-z, 0-9, - . _')
  return createKey(id, readFlags(KEEPING, flags), world)
}

async function serve(given: Given<typeof PROXY>, { proxy, out, error, stop }: XksWorld): Promise<number> {
  const config = configOf(given)
  const { tls } = config
  const host = given.host?.[0] ?? config.host
  const port = wholeNumber('port', given.port, RANGES.port) ?? config.port ?? 4700
  const log = (line: string) => error(`${line}\n`)
  const opened = await proxy({ ...config, clientName: tls?.clientName, log, backend: sourceOf(config) })
  try {
    if (host !== undefined && !isLoopback(host))
      log(
        `listening on ${host}: other machines can reach this proxy${tls ? '' : ', and what is sent is not encrypted'}`,
      )
    const listener = await opened.listen({ host, port, tls, allowRemote: host !== undefined, log })
    if (given['port-file']) await writeWhole(given['port-file'][0]!, String(listener.port))
    out(`strongroom is an external key store proxy on ${listener.url}\n`)
    out(`XksProxyUriPath is ${config.pathPrefix ?? ''}${XKS_BASE}\nReady.\n`)
    await stop
  } finally {
    await opened.close()
  }
  return 0
}

async function createKey(id: string, given: Given<typeof KEEPING>, { proxy, out }: XksWorld): Promise<number> {
  const config = configOf(given)
  const opened = await proxy({ ...config, backend: sourceOf(config), keys: [] })
  try {
    const made = await opened.createKey(id)
    out(made ? `made ${id}\n` : `${id} is there already\n`)
    if (!config.keys.some((key) => key.id === id)) out(`it is served once the config file names it under \`keys\`\n`)
  } finally {
    await opened.close()
  }
  return 0
}

/** Flags over file over defaults. */
function configOf(given: Given<typeof PROXY>): XksProxyConfig & { data: string } {
  const [file] = given.config ?? []
  if (file === undefined) throw new UsageError('`xks-proxy` needs `--config`: who may ask, and for which keys')
  const config = readProxyConfig(file)
  const pathPrefix = given['path-prefix']?.[0] ?? config.pathPrefix
  if (pathPrefix !== undefined && !PATH_PREFIX.test(pathPrefix))
    throw new UsageError('`--path-prefix` must be a path of A-Z, a-z, 0-9, - and _: /clinic')
  return {
    ...config,
    pathPrefix,
    data: given.data?.[0] ?? config.data ?? '.strongroom-xks',
    backend: tokenOf(given, config.backend),
    tls: tlsOf(given, config.tls),
  }
}

function tlsOf(given: Given<typeof PROXY>, file: XksProxyConfig['tls']): XksProxyConfig['tls'] {
  const [cert = file?.cert, key = file?.key] = given.tls ?? []
  const clients = given.mtls?.[0] ?? file?.clients
  const clientName = given['client-name']?.[0] ?? file?.clientName
  if (clients === undefined && clientName !== undefined)
    throw new UsageError('`--client-name` is of a certificate that `--mtls` asks for')
  if (cert !== undefined && key !== undefined) return { cert, key, clients, clientName }
  if (clients !== undefined) throw new UsageError('`--mtls` needs `--tls`')
  return undefined
}

const sourceOf = ({ backend }: XksProxyConfig) => backend && pkcs11(backend)
