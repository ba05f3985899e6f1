/** A server as a process: pinned to a core where that can be done, awaited until it answers, and ended. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { cpus } from 'node:os'
import { setTimeout as after } from 'node:timers/promises'
import type { Server } from './servers.ts'

/** Servers have the last core to themselves, and what makes the load the first. */
const CORES = { server: String(cpus().length - 1), load: '0' } as const

/** Whether processes can be kept on a core. */
export const isPinned = cpus().length > 1 && spawnSync('taskset', ['--version']).status === 0

/** A command that stays on its core. */
export function pinned(where: keyof typeof CORES, command: readonly string[]): readonly [string, ...string[]] {
  return (isPinned ? ['taskset', '-c', CORES[where], ...command] : command) as [string, ...string[]]
}

export interface Running {
  readonly server: Server
  readonly url: string
  readonly pid: number
  stop(): Promise<void>
}

/** Seconds that a server may take until it answers. */
const PATIENCE = 90

export async function start(server: Server): Promise<Running> {
  const port = await freePort()
  const [program, ...args] = pinned('server', server.command(port))
  const env = { ...process.env, ...server.environment?.(port) }
  const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  const last: string[] = []
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    last.push(text)
    if (last.length > 20) last.shift()
  })
  const url = `http://127.0.0.1:${port}`
  try {
    await answering(url, child)
  } catch (cause) {
    await end(child)
    throw new Error(`${server.name} does not start\n${last.join('')}`, { cause })
  }
  // taskset becomes what it starts: it is the server's own process.
  return { server, url, pid: child.pid!, stop: () => end(child) }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

async function answering(url: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < PATIENCE * 10; tries++) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('its process ended')
    const answer = await fetch(url).catch(() => undefined)
    await answer?.arrayBuffer()
    if (answer) return
    await after(100)
  }
  throw new Error(`it did not answer within ${PATIENCE} s`)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const isOver = await Promise.race([ended.then(() => true), after(5000, false, { ref: false })])
  if (isOver) return
  child.kill('SIGKILL')
  await ended
}
