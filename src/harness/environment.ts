/** Where a run was measured: only figures of one machine compare. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { cpus, hostname, loadavg, release, totalmem } from 'node:os'
import type { Environment } from './measured.ts'

export function environment(): Environment {
  const cores = cpus()
  const cpu = cores[0]?.model.trim() ?? 'unknown'
  const governor = textOf('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor')
  const machine = createHash('sha256')
    .update(JSON.stringify([hostname(), cpu, cores.length, totalmem()]))
    .digest('hex')
  return {
    cpu,
    cores: cores.length,
    ...(governor !== undefined && { governor }),
    ...{ kernel: release(), node: process.version },
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    loadBefore: Math.round(loadavg()[0]! * 100) / 100,
    machine: machine.slice(0, 12),
  }
}

/** Of this package. */
export function version(): string {
  const file = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(file) as { version: string }).version
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}
