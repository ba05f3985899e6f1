/**
 * Ours beside its peers, in one run: `node --import ts-blank-space/register bench/peers/run.ts [flags]`. All servers are up; in
 * each round each is asked in turn, and each round begins with another one, so that whatever the machine does meanwhile does
 * it to all of them. Servers share one core, and what makes the load has another.
 */
import { execFile } from 'node:child_process'
import { renameSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import type { Measured } from '../../src/harness/measured.ts'
import { machine } from '../machine.ts'
import { isPinned, pinned, start, type Running } from './process.ts'
import { CLI, servers } from './servers.ts'
import { summary, type Rounds } from './summary.ts'

const { values } = parseArgs({
  options: {
    operations: { type: 'string', default: 'Encrypt' },
    connections: { type: 'string', default: '16,1' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    warmup: { type: 'string', default: '2' },
    'local-kms': { type: 'string' },
    localstack: { type: 'string' },
    out: { type: 'string', default: fileURLToPath(new URL('../results/peers.json', import.meta.url)) },
  },
})
const tell = (line: string): unknown => process.stderr.write(`${line}\n`)

const loadBefore = loadavg()[0]
const running: Running[] = []
try {
  for (const server of servers({ localKms: values['local-kms'], localstack: values.localstack }, tell)) {
    tell(`starting ${server.name} ${server.version}`)
    try {
      running.push(await start(server))
    } catch (problem) {
      // Ours is what it is about; of the peers, those that start.
      if (running.length === 0) throw problem
      tell(`${server.name} is left out: ${(problem as Error).message}`)
    }
  }
  const questions = values.operations
    .split(',')
    .flatMap((operation) =>
      values.connections.split(',').map((connections) => ({ operation, connections: Number(connections) })),
    )
  const results = []
  for (const question of questions) results.push(summary(await rounds(question)))
  keep({
    machine: { ...machine(), isPinned, loadBefore },
    // Where somebody keeps a binary is nobody's business.
    command: ['bench/peers/run.ts', ...process.argv.slice(2).map((word) => word.replace(/^.*\//, ''))].join(' '),
    workload: { size: 1024, contextPairs: 2, seconds: Number(values.seconds), rounds: Number(values.rounds) },
    servers: running.map(({ server: { name, version, remark } }) => ({ name, version, remark })),
    results,
  })
} finally {
  await Promise.all(running.map((each) => each.stop()))
}

async function rounds({ operation, connections }: Pick<Rounds, 'operation' | 'connections'>): Promise<Rounds> {
  const runs = new Map<string, Measured[]>(running.map(({ server }) => [server.name, []]))
  for (let round = 0; round < Number(values.rounds); round++) {
    const first = round % running.length
    for (const each of [...running.slice(first), ...running.slice(0, first)]) {
      const measured = await ask(each, operation, connections)
      runs.get(each.server.name)!.push(measured)
      const { perSecond, failed, latency } = measured.total
      tell(
        `${operation}, ${connections} at a time, round ${round + 1}: ${each.server.name} ${Math.round(perSecond)}/s, p50 ${latency.p50} µs, p99 ${latency.p99} µs${failed ? `, ${failed} failed` : ''}`,
      )
    }
  }
  return { operation, connections, runs }
}

/** One run of `strongroom bench`, in a process of its own. */
async function ask({ url, pid }: Running, operation: string, connections: number): Promise<Measured> {
  const flags = { target: url, pid, operation, connections, size: 1024, 'context-pairs': 2 }
  const timing = { warmup: values.warmup, seconds: values.seconds }
  const args = Object.entries({ ...flags, ...timing }).flatMap(([name, value]) => [`--${name}`, String(value)])
  const [program, ...rest] = pinned('load', [process.execPath, CLI, 'bench', ...args, '--json', '--quiet'])
  const env = { ...process.env, AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'us-east-1' }
  const { stdout } = await promisify(execFile)(program, rest, { env, maxBuffer: 2 ** 26 })
  return JSON.parse(stdout) as Measured
}

/** There when it is whole. */
function keep(results: object): void {
  writeFileSync(`${values.out}.draft`, `${JSON.stringify(results, null, 2)}\n`)
  renameSync(`${values.out}.draft`, values.out)
  tell(`${values.out} has it`)
}
