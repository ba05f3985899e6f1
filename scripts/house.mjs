/**
 * The house: one command each to serve, test, build, lint and bench a clone of this repository.
 * `npm start`, `npm test`, `npm run story`, `npm run build`, `npm run lint` and `npm run bench` end up here.
 */
import { readdirSync } from 'node:fs'
import { clients } from './clients.mjs'
import { announce, at, build, hostTarget, install, requireTestTools, run, runAndRead, Stop } from './steps.mjs'
import { add, avaTally, cargoTally, judge, NOTHING, sentence } from './tally.mjs'
import { tokens } from './tokens.mjs'

const COMMANDS = {
  /** Serves the KMS from this process, so that signals reach the server and nothing stands between. */
  async start(...flags) {
    await program('serve', ...flags)
  },

  /** Tells the story of a clinic and its keys, each step checked. */
  async story() {
    await program('story')
  },

  async build() {
    await build()
  },

  async test() {
    requireTestTools()
    await build()
    await clients()
    await tokens()
    let total = NOTHING
    for (const suite of SUITES) total = add(total, await play(suite))
    announce('All suites')
    console.log(sentence(total))
    if (total.failed > 0) process.exitCode = 1
  },

  /** Every check that is not a test. All of them run, so that one push shows all there is to mend. */
  async lint() {
    await build()
    const failed = []
    for (const [command, ...args] of LINTS) {
      announce([command, ...args].join(' '))
      if ((await run(tool(command), args)) !== 0) failed.push([command, ...args].join(' '))
    }
    if (failed.length > 0) throw new Stop(`These checks failed:\n  ${failed.join('\n  ')}`)
    announce(`All ${LINTS.length} checks are clean`)
  },

  /** Plays the suites of bench/, or those whose names are given: `npm run bench -- encrypt`. */
  async bench(...names) {
    await build()
    const suites = readdirSync(at('bench')).filter((file) => file.endsWith('.bench.ts'))
    const chosen = suites.filter((file) => names.length === 0 || names.includes(file.replace('.bench.ts', '')))
    if (chosen.length === 0) throw new Stop(`No such bench. There are: ${suites.join(', ')}`)
    for (const file of chosen) {
      announce(`bench/${file}`)
      const code = await run(process.execPath, ['--expose-gc', '--import=ts-blank-space/register', at('bench', file)])
      if (code !== 0) throw new Stop(`bench/${file} failed`)
    }
  },
}

/**
 * cargo builds for this machine by name, as the addon is built: then all that tests and lints need was compiled with it, AWS-LC
 * and SQLite above all.
 */
const target = hostTarget()
if (target !== undefined) process.env.CARGO_BUILD_TARGET ??= target

/** Builds the program and runs it in this process. */
async function program(...args) {
  await build()
  const cli = at('dist/cli.js')
  process.argv = [process.execPath, cli, ...args]
  await import(cli)
}

/** What `npm test` plays, and how each runner's own closing words are read. */
const SUITES = [
  {
    name: 'The crates (cargo test)',
    command: ['cargo', 'test', '--release', '--workspace', '--no-fail-fast'],
    tally: cargoTally,
  },
  { name: 'The service and its clients (ava)', command: ['ava'], tally: avaTally },
]

/** Clippy looks at the release profile, so that AWS-LC is compiled once for everything. */
const LINTS = [
  ['tsc', '-p', 'tsconfig.json'],
  ['eslint', '.'],
  ['prettier', '--check', '.'],
  ['cargo', 'fmt', '--all', '--check'],
  ['cargo', 'clippy', '--release', '--workspace', '--all-targets', '--', '-D', 'warnings'],
]

async function play({ name, command: [command, ...args], tally }) {
  announce(name)
  const { code, output } = await runAndRead(tool(command), args)
  const verdict = judge(tally(output), code)
  console.log(`${name}: ${sentence(verdict)}`)
  return verdict
}

/** cargo comes from the machine, everything else from node_modules. */
function tool(name) {
  return name === 'cargo' ? name : at('node_modules/.bin', name)
}

const [name, ...args] = process.argv.slice(2)
try {
  if (!Object.hasOwn(COMMANDS, name)) throw new Stop(`Say one of: ${Object.keys(COMMANDS).join(', ')}`)
  await install()
  await COMMANDS[name](...args)
} catch (error) {
  if (!(error instanceof Stop)) throw error
  console.error(`\n${error.message}`)
  process.exitCode = 1
}
