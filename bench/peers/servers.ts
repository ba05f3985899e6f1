/** Ours and the peers: how each is found or installed, and started. Each keeps what it keeps under target/peers. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Server {
  readonly name: string
  readonly version: string
  /** The program and its arguments, to listen on 127.0.0.1 at this port. */
  command(port: number): readonly string[]
  environment?(port: number): Readonly<Record<string, string>>
  /** A line on what it does not do, that ours does. */
  readonly remark?: string
}

/** What the command line names. */
export interface Places {
  /** Binary of local-kms. */
  readonly localKms?: string
  /** A Python that has localstack-core[runtime]. */
  readonly localstack?: string
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const FOLDER = join(ROOT, 'target/peers')
export const CLI = join(ROOT, 'dist/cli.js')

/** Ours first, then each peer that there is; of the others `tell` hears why they are left out. */
export function servers({ localKms, localstack = 'python3' }: Places, tell: (line: string) => void): readonly Server[] {
  mkdirSync(FOLDER, { recursive: true })
  return [strongroom(), moto(), localStackOf(localstack, tell), localKmsOf(localKms, tell)].filter(
    (each) => each !== undefined,
  )
}

/** On disk and with its trail: what it is compared with does neither. */
function strongroom(): Server {
  if (!existsSync(CLI)) throw new Error('dist/cli.js is not there: npm run build')
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  const data = join(FOLDER, 'strongroom')
  rmSync(data, { recursive: true, force: true })
  return {
    name: 'strongroom',
    version,
    command: (port) => [process.execPath, CLI, 'serve', '--port', String(port), '--data', data],
  }
}

const UNSIGNED = 'does not verify signatures, enforce policies or keep a trail'

function moto(): Server {
  const [venv, pins] = [join(FOLDER, 'moto'), readFileSync(new URL('requirements.txt', import.meta.url), 'utf8')]
  const stamp = join(venv, 'stamp')
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== pins) {
    rmSync(venv, { recursive: true, force: true })
    execFileSync('python3', ['-m', 'venv', venv], { stdio: 'inherit' })
    const file = fileURLToPath(new URL('requirements.txt', import.meta.url))
    execFileSync(join(venv, 'bin/python'), ['-m', 'pip', 'install', '--quiet', '-r', file], { stdio: 'inherit' })
    writeFileSync(stamp, pins)
  }
  return {
    name: 'moto',
    version: /moto\S*==(\S+)/.exec(pins)![1]!,
    command: (port) => [join(venv, 'bin/moto_server'), '--host', '127.0.0.1', '--port', String(port)],
    remark: UNSIGNED,
  }
}

function localStackOf(python: string, tell: (line: string) => void): Server | undefined {
  const asked = spawnSync(
    python,
    ['-c', 'import localstack.aws.components; from localstack.version import version; print(version)'],
    {
      encoding: 'utf8',
    },
  )
  if (asked.status !== 0) {
    tell(
      `LocalStack is left out: \`${python}\` has no localstack-core[runtime] (--localstack PYTHON names one that has)`,
    )
    return undefined
  }
  return {
    name: 'LocalStack',
    version: asked.stdout.trim(),
    command: () => [python, '-m', 'localstack.runtime.main'],
    environment: (port) => ({
      GATEWAY_LISTEN: `127.0.0.1:${port}`,
      FILESYSTEM_ROOT: join(FOLDER, 'localstack'),
      ...{ SERVICES: 'kms', EAGER_SERVICE_LOADING: '1', DNS_ADDRESS: '0' },
      ...{ DISABLE_EVENTS: '1', SKIP_SSL_CERT_DOWNLOAD: '1', LS_LOG: 'error' },
    }),
    remark: UNSIGNED,
  }
}

function localKmsOf(binary: string | undefined, tell: (line: string) => void): Server | undefined {
  if (binary === undefined) {
    tell('local-kms is left out: --local-kms PATH names its binary')
    return undefined
  }
  const built = spawnSync('go', ['version', '-m', binary], { encoding: 'utf8' }).stdout ?? ''
  return {
    name: 'local-kms',
    version: /^\s*mod\s+\S+\s+(\S+)/m.exec(built)?.[1] ?? 'unknown',
    command: () => [binary],
    environment: (port) => ({
      ...{ PORT: String(port), KMS_REGION: 'us-east-1', KMS_ACCOUNT_ID: '000000000000' },
      KMS_DATA_PATH: join(FOLDER, `local-kms-${port}`),
    }),
    remark: UNSIGNED,
  }
}
