/** The steps from a fresh clone to something that runs; each first looks whether there is anything left to do. */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const OLDEST_NODE = [20, 19]

/** An end that was foreseen: its message is for the person at the terminal, and no stack trace helps. */
export class Stop extends Error {}

/** A path in the repository, wherever the command was typed. */
export function at(...path) {
  return join(ROOT, ...path)
}

/** Says on stderr what goes on, so that stdout stays the server's. */
export function announce(message) {
  console.error(`\n▸ ${message}`)
}

/** node_modules as package-lock.json has it. */
export async function install() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    throw new Stop(
      `Node ${OLDEST_NODE.join('.')} or newer is needed; this is ${process.version}. See https://nodejs.org`,
    )
  }
  if (installed()) return
  announce('Installing the npm packages (well under a minute)')
  const npm = process.env.npm_execpath
  const [command, ...args] = npm ? [process.execPath, npm, 'ci'] : ['npm', 'ci']
  const env = { ...process.env, npm_config_nodedir: process.env.npm_config_nodedir ?? headersBeside(process.execPath) }
  if ((await run(command, [...args, '--loglevel=error'], { env })) !== 0) {
    throw new Stop('npm ci failed; its message is above')
  }
}

/** Where Node's own headers are, so that an addon that is compiled on installation fetches none; undefined without any. */
function headersBeside(node) {
  const prefix = dirname(dirname(node))
  return existsSync(join(prefix, 'include/node/node_api.h')) ? prefix : undefined
}

/** The addon and dist/, built from what is in the tree now. */
export async function build() {
  await buildAddon()
  await buildTypeScript()
}

/** Runs a command on this terminal; resolves to its exit code. */
export async function run(command, args, options = {}) {
  const { code } = await runChild(command, args, { stdio: 'inherit', ...options })
  return code
}

/** Runs a command, shows what it prints while it prints, and gives that back for counting. */
export async function runAndRead(command, args) {
  const colour = process.stdout.isTTY ? { FORCE_COLOR: '1', CARGO_TERM_COLOR: 'always' } : {}
  const options = { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...colour } }
  let output = ''
  const { code } = await runChild(command, args, options, (child) => {
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text
      process.stdout.write(text)
    })
  })
  return { code, output }
}

/** Whether a command can be started at all. */
export function found(command, ...args) {
  return spawnSync(command, args.length > 0 ? args : ['--version'], { stdio: 'ignore' }).status === 0
}

/** One word that changes whenever one of these files does, comes or goes. */
export function fingerprint(files) {
  const hash = createHash('sha256')
  for (const file of files) hash.update(`\0${file}\0${read(file) ?? ''}`)
  return hash.digest('hex')
}

/** The target cargo builds for when nobody names one; undefined without a compiler. */
export function hostTarget() {
  const { stdout } = spawnSync('rustc', ['-vV'], { encoding: 'utf8' })
  return /^host: (.*)$/m.exec(stdout ?? '')?.[1]
}

async function buildAddon() {
  const sources = fingerprint([
    'Cargo.toml',
    'Cargo.lock',
    'package.json',
    ...readdirSync(at('crates')).flatMap((crate) => crateFiles(`crates/${crate}`)),
    ...crateFiles('bindings/node'),
  ])
  const outputs = () => filesUnder('bindings/node', /\.node$|^index\./)
  const fresh = () => `${sources} ${marks(outputs())}`
  const stamp = 'target/addon.stamp'
  if (outputs().some((file) => file.endsWith('.node')) && read(stamp) === fresh()) return

  requireTools()
  announce(
    existsSync(at('target/release'))
      ? 'Building what changed in the HSM'
      : 'Building the HSM. The first time cargo compiles AWS-LC and SQLite too, which takes a minute or two',
  )
  if ((await npmRun('build:addon')) !== 0) throw new Stop('The addon did not build; cargo says why above')
  write(stamp, fresh())
}

async function buildTypeScript() {
  const sources = fingerprint([
    'package-lock.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'bindings/node/index.d.ts',
    ...filesUnder('src', /\.(ts|json)$/),
  ])
  const fresh = () => `${sources} ${marks(['dist/cli.js', 'dist/index.js'])}`
  const stamp = 'dist/.stamp'
  if (existsSync(at('dist/cli.js')) && read(stamp) === fresh()) return

  announce('Compiling the TypeScript')
  if ((await npmRun('build:ts')) !== 0) throw new Stop('The TypeScript did not compile; tsc says why above')
  cpSync(at('src/conformance/vectors'), at('dist/conformance/vectors'), { recursive: true })
  for (const file of filesUnder('dist', /\.(js|d\.ts)$/)) {
    const source = file.replace(/^dist/, 'src').replace(/(\.d\.ts|\.js)$/, '.ts')
    if (!existsSync(at(source))) rmSync(at(file))
  }
  write(stamp, fresh())
}

/** Programs that tests look at the server with, and the packages they come in. */
export function requireTestTools() {
  for (const [tool, from] of [
    ['gcore', 'gdb'],
    ['nbdcopy', 'libnbd-bin'],
    ['nbdinfo', 'libnbd-bin'],
    ['openssl', 'openssl'],
    ['pkcs11-tool', 'opensc'],
    ['qemu-img', 'qemu-utils'],
    ['qemu-io', 'qemu-utils'],
    ['softhsm2-util', 'softhsm2'],
    ['unshare', 'util-linux'],
  ]) {
    if (!found('sh', '-c', `command -v ${tool}`)) {
      throw new Stop(`${tool} is missing: tests use it. It comes with ${from}, for example: apt-get install ${from}`)
    }
  }
}

/** Names the tool that is missing, and where it comes from. */
function requireTools() {
  if (!found('cargo')) {
    throw new Stop(
      'cargo is missing: the HSM is written in Rust and built on this machine.\n' +
        'Install Rust from https://rustup.rs; if it is installed, put ~/.cargo/bin on the PATH.',
    )
  }
  const compilers = [process.env.CC, 'cc', 'gcc', 'clang'].filter(Boolean)
  if (!compilers.some((compiler) => found(compiler))) {
    throw new Stop(
      'A C compiler is missing: AWS-LC and SQLite are compiled from C.\n' +
        'On Debian or Ubuntu: apt-get install build-essential. On macOS: xcode-select --install.',
    )
  }
}

/**
 * Compares the lock with the copy npm keeps of what it installed; npm's optional packages are those of other platforms.
 * A lock that disagrees with package.json counts as not installed, so that `npm ci` explains it.
 */
function installed() {
  const lock = JSON.parse(read('package-lock.json') ?? 'null')
  const there = JSON.parse(read('node_modules/.package-lock.json') ?? 'null')
  if (!lock || !there) return false
  const wishes = JSON.parse(read('package.json'))
  const agreed = ['dependencies', 'devDependencies'].every((kind) =>
    isDeepStrictEqual(wishes[kind], lock.packages[''][kind]),
  )
  const packages = Object.entries(lock.packages).filter(([path]) => path !== '')
  return (
    agreed &&
    packages.every(([path, { version, optional, devOptional }]) => {
      const present = there.packages[path]
      return present ? present.version === version : optional || devOptional
    })
  )
}

function npmRun(script) {
  const npm = process.env.npm_execpath
  const args = ['run', '--silent', script]
  return npm ? run(process.execPath, [npm, ...args]) : run('npm', args)
}

/** Starts a child that gets the signals this process gets, and waits for its end. */
function runChild(command, args, options, started = () => {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, ...options })
    const forward = (signal) => child.kill(signal)
    const settle = (act) => (value) => {
      process.off('SIGINT', forward).off('SIGTERM', forward)
      act(value)
    }
    process.on('SIGINT', forward).on('SIGTERM', forward)
    child.on(
      'error',
      settle((error) => reject(new Stop(`${command} could not be started: ${error.message}`))),
    )
    child.on(
      'close',
      settle((code, signal) => resolve({ code: code ?? 1, signal })),
    )
    started(child)
  })
}

/** What a crate is built from; its tests, benches and fuzz targets are cargo's business. */
function crateFiles(crate) {
  return [`${crate}/Cargo.toml`, `${crate}/build.rs`, ...filesUnder(`${crate}/src`, /./)]
}

function filesUnder(folder, pattern) {
  if (!existsSync(at(folder))) return []
  return readdirSync(at(folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length))
    .sort()
}

/** When and how large outputs were made: enough to notice that somebody else made them anew. */
function marks(files) {
  return files
    .map((file) => (existsSync(at(file)) ? `${file} ${statSync(at(file)).mtimeMs} ${statSync(at(file)).size}` : file))
    .join()
}

function read(file) {
  return existsSync(at(file)) ? readFileSync(at(file), 'utf8') : undefined
}

function write(file, text) {
  mkdirSync(dirname(at(file)), { recursive: true })
  writeFileSync(at(file), text)
}
