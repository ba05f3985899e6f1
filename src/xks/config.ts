/** The config file of a proxy: who may ask, and for which keys. */
import { statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { TokenConfig } from '../config.ts'
import { RANGES, readText, tokenAt, tokenReader } from '../config.ts'
import { ConfigError, flag, integer, list, oneOf, parseYaml, record, text, unique, type Reader } from '../schema.ts'
import { EXTERNAL_KEY_ID } from './api.ts'
import type { XksCredential } from './authentication.ts'
import type { ExternalKeyConfig } from './permits.ts'

export interface XksProxyConfig {
  host?: string
  port?: number
  data?: string
  pathPrefix?: string
  /** `clients` are the authorities of client certificates, and `clientName` whose alone is taken. */
  tls?: { cert: string; key: string; clients?: string; clientName?: string }
  backend?: TokenConfig
  regions?: string[]
  credentials: XksCredential[]
  keys: ExternalKeyConfig[]
  rate?: number
  timeoutMillis?: number
}

/** Of what the API allows in a path, with the slash in front. */
export const PATH_PREFIX = /^(?:\/[A-Za-z0-9_-]+){1,16}$/
const SECRET = /^[A-Za-z0-9+/=]{43,64}$/
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/

type Read = Omit<XksProxyConfig, 'credentials' | 'keys'> & { credentials: Written[]; keys?: ExternalKeyConfig[] }

/** A credential as it is written: its secret, or the file that has it. */
interface Written {
  accessKeyId: string
  secretAccessKey?: string
  secretFile?: string
  expires?: string
}

/** Reads a file; the paths in it are relative to its folder. Throws a ConfigError with a line for each mistake. */
export function readProxyConfig(file: string): XksProxyConfig {
  const path = (name: string) => resolve(dirname(file), name)
  const written = parseYaml(readText(file), file, shape()) as Read
  const { data, tls, backend, credentials, keys = [], ...plain } = written
  if (credentials.length === 0)
    throw new ConfigError(`${file}: \`credentials\` is empty, so that nobody would be answered`)
  return {
    ...plain,
    keys,
    data: data && path(data),
    tls: tls && { ...tls, cert: path(tls.cert), key: path(tls.key), clients: tls.clients && path(tls.clients) },
    backend: backend && tokenAt(backend, path),
    credentials: credentials.map((credential) => credentialOf(credential, file, path)),
  }
}

function credentialOf(written: Written, file: string, path: (name: string) => string): XksCredential {
  const { accessKeyId, secretAccessKey, secretFile, expires } = written
  if ((secretAccessKey === undefined) === (secretFile === undefined)) {
    throw new ConfigError(`${file}: a credential has either \`secretAccessKey\` or \`secretFile\``)
  }
  const secret = secretAccessKey ?? readSecret(path(secretFile!))
  if (!SECRET.test(secret)) throw new ConfigError(`${path(secretFile!)}: must hold 43 to 64 letters, digits, + / =`)
  return { accessKeyId, secretAccessKey: secret, expires: expires === undefined ? undefined : instantOf(expires, file) }
}

const OTHERS = 0o077

/** For its owner's eyes alone, as files of PINs are. */
function readSecret(file: string): string {
  const secret = readText(file).trim()
  const isExposed = process.platform !== 'win32' && (statSync(file).mode & OTHERS) !== 0
  if (isExposed) throw new ConfigError(`${file}: others can get at the secret in it: chmod 600 ${file}`)
  return secret
}

/** A day that is on no calendar would be another one, or never come. */
function instantOf(text: string, file: string): Date {
  const instant = new Date(text)
  const isReal = !Number.isNaN(instant.getTime()) && instant.toISOString().startsWith(text.slice(0, -1))
  return isReal ? instant : fail(`${file}: \`expires\` is ${text}, which is no moment`)
}

function fail(message: string): never {
  throw new ConfigError(message)
}

/** Anew for each file: identifiers must differ over the whole of it. */
function shape(): Reader {
  const file = text(/./, 'a file')
  const patterns = list(text(/^\S+$/, 'an ARN, in which * and ? stand for others'))
  return record(
    {
      host: text(/^\S+$/, 'an address or host name'),
      port: integer(RANGES.port),
      data: text(/./, 'a folder'),
      pathPrefix: text(PATH_PREFIX, 'a path, `/clinic`'),
      tls: record({ cert: file, key: file, clients: file, clientName: text(/^\S+$/, 'a common name') }, [
        'cert',
        'key',
      ]),
      backend: tokenReader,
      regions: list(text(/^[a-z]{2}[a-z-]*-\d+$/, 'a Region')),
      rate: integer([1, 1_000_000]),
      timeoutMillis: integer([1, 60_000]),
      credentials: list(
        record(
          {
            accessKeyId: unique(text(/^[A-Z2-7]{20,30}$/, '20 to 30 of A-Z and 2-7')),
            secretAccessKey: text(SECRET, '43 to 64 letters, digits, + / ='),
            secretFile: file,
            expires: text(INSTANT, 'a moment, as in 2027-01-31T00:00:00Z'),
          },
          ['accessKeyId'],
        ),
      ),
      keys: list(
        record(
          {
            id: unique(text(EXTERNAL_KEY_ID, '1 to 128 of A-Z, a-z, 0-9, - . _')),
            usage: list(oneOf(['ENCRYPT', 'DECRYPT'])),
            enabled: flag,
            create: flag,
            requireIntegrity: flag,
            kmsKeys: patterns,
            principals: patterns,
          },
          ['id'],
        ),
      ),
    },
    ['credentials'],
  )
}
