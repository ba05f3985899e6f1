/** Kryoptic for the tests, a token nobody packages: built once, with an OpenSSL of its own, from what crates.io has of both. */
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { announce, at, fingerprint, found, run, Stop } from './steps.mjs'

const CRATE = 'test/tokens/kryoptic'
const FOLDER = 'target/tokens'
const MODULE = `${FOLDER}/libkryoptic_pkcs11.so`
const STAMP = `${FOLDER}/kryoptic.stamp`
const OPENSSL = at(FOLDER, 'openssl')
const CARGO = at(FOLDER, 'cargo')
const LOG = at(FOLDER, 'build.log')

/** What its OpenSSL is built without: all that no token needs. */
const WITHOUT = [
  ...['apps', 'argon2', 'aria', 'atexit', 'bf', 'camellia', 'cast', 'deprecated', 'des', 'docs', 'dsa', 'ec2m', 'idea'],
  ...['legacy', 'md4', 'mdc2', 'module', 'rc2', 'rc4', 'rc5', 'rmd160', 'seed', 'shared', 'sm2', 'sm3', 'sm4', 'tests'],
  'whirlpool',
]

/** What is missing is said with the package it comes in. */
const NEEDS = [
  ['cargo', 'Rust, from https://rustup.rs'],
  ['cc', 'build-essential'],
  ['make', 'make'],
  ['perl', 'perl'],
]

/** The module, built from the sources that the lock of its crate names; does nothing when it is there. */
export async function tokens() {
  const sources = fingerprint([`${CRATE}/Cargo.toml`, `${CRATE}/Cargo.lock`, 'scripts/tokens.mjs'])
  if (existsSync(at(MODULE)) && existsSync(at(STAMP)) && readFileSync(at(STAMP), 'utf8') === sources) return
  for (const [tool, from] of NEEDS) {
    if (!found('sh', '-c', `command -v ${tool}`))
      throw new Stop(`${tool} is missing: Kryoptic is built with it. Install ${from}`)
  }
  announce('Building Kryoptic, a token for the tests, and its OpenSSL. This is done once and takes three minutes')
  mkdirSync(at(FOLDER), { recursive: true })
  rmSync(LOG, { force: true })
  await openssl()
  await step('cargo', ['build', '--release', '--locked', '--quiet', '-p', 'kryoptic'], at(CRATE), {
    CARGO_TARGET_DIR: CARGO,
    KRYOPTIC_OPENSSL_SOURCES: OPENSSL,
  })
  copyFileSync(join(CARGO, 'release/libkryoptic_pkcs11.so'), at(`${MODULE}.draft`))
  renameSync(at(`${MODULE}.draft`), at(MODULE))
  writeFileSync(at(STAMP), sources)
  for (const folder of [OPENSSL, CARGO]) rmSync(folder, { recursive: true, force: true })
}

/** A static libcrypto, which nothing in a process finds but the module: Node exports an OpenSSL of its own. */
async function openssl() {
  rmSync(OPENSSL, { recursive: true, force: true })
  cpSync(sourcesOf('openssl-src'), OPENSSL, { recursive: true })
  await step('./Configure', [...WITHOUT.map((what) => `no-${what}`), 'enable-ec_nistp_64_gcc_128'], OPENSSL)
  for (const target of ['build_generated', 'libcrypto.a']) {
    await step('make', ['--silent', '-j', String(availableParallelism()), target], OPENSSL)
  }
}

/** Where cargo keeps OpenSSL, which it fetches first. */
function sourcesOf(crate) {
  const args = ['metadata', '--locked', '--format-version', '1']
  const { status, stdout } = spawnSync('cargo', args, {
    cwd: at(CRATE),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) throw new Stop('cargo could not fetch the sources of Kryoptic; it says why above')
  const { manifest_path } = JSON.parse(stdout).packages.find(({ name }) => name === crate)
  return join(dirname(manifest_path), 'openssl')
}

/** What a step says is only of interest when it fails. Nothing is built for a target that is named, since cargo would put it elsewhere. */
async function step(command, args, cwd, more = {}) {
  const env = { ...process.env, ...more }
  delete env.CARGO_BUILD_TARGET
  const log = openSync(LOG, 'a')
  const code = await run(command, args, { cwd, env, stdio: ['ignore', log, log] })
  closeSync(log)
  if (code === 0) return
  const words = readFileSync(LOG, 'utf8').trimEnd().split('\n').slice(-30).join('\n')
  throw new Stop(
    `${words}\n\nKryoptic did not build: ${command} failed. If it misses libclang: apt-get install libclang-dev`,
  )
}
