/** A Python environment with boto3 and the AWS CLI, for the tests that speak to a server as strangers do. */
import { rmSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { announce, at, fingerprint, found, run, Stop } from './steps.mjs'

const FOLDER = 'test/.venv'
const PINS = 'test/clients/requirements.txt'

/** Makes test/.venv when it is not there or its pins changed. A failure is a failure: no test is skipped for it. */
export async function clients() {
  const stamp = at(FOLDER, 'stamp')
  const state = fingerprint([PINS])
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === state && found(at(FOLDER, 'bin/python'))) return

  requirePython()
  announce('Installing boto3 and the AWS CLI for the client tests (well under a minute)')
  rmSync(at(FOLDER), { recursive: true, force: true })
  const made =
    (await run('python3', ['-m', 'venv', at(FOLDER)])) === 0 &&
    (await run(at(FOLDER, 'bin/python'), ['-m', 'pip', 'install', '--quiet', '--requirement', at(PINS)])) === 0
  if (!made) throw new Stop(`The packages of ${PINS} could not be installed; the message is above`)
  writeFileSync(stamp, state)
}

function requirePython() {
  if (found('python3', '-c', 'import venv, ensurepip')) return
  throw new Stop(
    'python3 with its venv module is missing: the client tests run boto3 and the AWS CLI.\n' +
      'On Debian or Ubuntu: apt-get install python3-venv. On macOS: xcode-select --install.',
  )
}
