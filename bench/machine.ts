/** Where a figure was measured: kept beside it, since only figures of one machine and one run compare. */
import { cpus, release, totalmem } from 'node:os'
import { execFileSync } from 'node:child_process'

export function machine() {
  const [cpu] = cpus()
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
    cpu: cpu!.model.trim(),
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
  }
}
