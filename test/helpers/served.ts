/** `strongroom serve` as a child process, for tests that come in through the door like anybody else. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'

export interface Served {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** What the server keeps; erased by `stop` unless it was the caller's. */
  readonly data: string
  /** Everything it has printed so far. */
  output(): string
  /** Ends the process as an operator would, waits for it, and cleans up. */
  stop(): Promise<void>
  /** Ends it as a power cut would, between two instructions, and waits for it. */
  kill(): Promise<void>
}

export interface ServeOptions {
  /** A folder of the caller's own, which outlives the server. */
  readonly data?: string
  readonly env?: Record<string, string>
  /** Default: a folder of the server's own. */
  readonly cwd?: string
  /** A program, with its arguments, that goes on to be the server. */
  readonly through?: readonly string[]
}

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const START_LIMIT = 60_000

/** A server for one test. */
export async function served(
  t: ExecutionContext,
  flags: readonly string[] = [],
  options?: ServeOptions,
): Promise<Served> {
  const server = await serve(flags, options)
  t.teardown(() => server.stop())
  return server
}

/** A server for a whole file, which has to stop it in `test.after.always`. */
export async function serve(flags: readonly string[] = [], options: ServeOptions = {}): Promise<Served> {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-'))
  const [data, portFile] = [options.data ?? join(folder, 'data'), join(folder, 'port')]
  const command = [...(options.through ?? []), process.execPath, CLI, 'serve', ...flags]
  const [program, ...args] = [...command, '--port', '0', '--port-file', portFile, '--data', data]
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: options.cwd ?? folder,
    env: { ...process.env, ...options.env },
  })
  const ended = once(child, 'close')

  let printed = ''
  const ready = new Promise<void>((resolve) => {
    const hear = (text: string) => {
      printed += text
      if (/^.*Ready\.$/m.test(printed)) resolve()
    }
    child.stdout.setEncoding('utf8').on('data', hear)
    child.stderr.setEncoding('utf8').on('data', hear)
  })

  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    child.kill(signal)
    await ended
    await rm(folder, { recursive: true, force: true })
  }
  const stop = () => end('SIGTERM')

  const limit = AbortSignal.timeout(START_LIMIT)
  const late = once(limit, 'abort').then(() => 'was not ready in time')
  const failure = await Promise.race([ready, ended.then(([code]) => `ended with ${String(code)}`), late])
  if (failure !== undefined) {
    await stop()
    throw new Error(`strongroom serve ${failure}\n${printed}`)
  }

  const port = Number(await readFile(portFile, 'utf8'))
  const scheme = flags.includes('--tls') ? 'https' : 'http'
  return {
    url: `${scheme}://127.0.0.1:${port}`,
    port,
    pid: child.pid!,
    data,
    output: () => printed,
    stop,
    kill: () => end('SIGKILL'),
  }
}
