/** What the client tests share: the accounts they speak as, and an environment in which nothing of this machine's leaks. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ACCOUNT = '000000000000'
export const OTHER_ACCOUNT = '000000000002'
export const REGION = 'eu-north-1'

const CONFIG = `accounts:
  - id: '${ACCOUNT}'
    accessKeys: [{ id: test, secret: test }]
  - id: '${OTHER_ACCOUNT}'
    accessKeys: [{ id: '${OTHER_ACCOUNT}', secret: test }]
`

/** A program of the Python environment that scripts/clients.mjs makes. */
export function program(name: string): string {
  return fileURLToPath(new URL(`../.venv/bin/${name}`, import.meta.url))
}

/** A folder with the config file of two accounts, and whatever a test wants to write there. */
export function scene(): { folder: string; config: string } {
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-clients-'))
  const config = join(folder, 'strongroom.yaml')
  writeFileSync(config, CONFIG)
  return { folder, config }
}

/** The environment of a client that knows `endpoint`, its access key and nothing else. */
export function clientEnvironment(endpoint: string, home: string, accessKey = 'test'): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    HOME: home,
    LC_ALL: 'C.UTF-8',
    NO_PROXY: '*',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ACCESS_KEY_ID: accessKey,
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_DEFAULT_REGION: REGION,
    AWS_ENDPOINT_URL_KMS: endpoint,
  }
}
