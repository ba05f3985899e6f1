/** The processor time of a server on this machine, and which process it is (Linux: proc(5)); undefined where nobody tells. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Microseconds that process `pid` has used since it began, all its threads together. */
export function cpuMicrosOf(pid: number): number | undefined {
  return attempt(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // After the name, which may hold anything, in parentheses: utime and stime are fields 14 and 15 of all.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * TICK
  })
}

/** USER_HZ is 100 on every Linux that Node runs on. */
const TICK = 10_000

/** The process that listens on `port`, if we may look at it. */
export function listenerOn(port: number): number | undefined {
  const sockets = new Set(['tcp', 'tcp6'].flatMap((family) => listening(family, port)))
  if (sockets.size === 0) return undefined
  const pids = attempt(() => readdirSync('/proc').filter((name) => /^\d+$/.test(name))) ?? []
  const found = pids.find((pid) =>
    attempt(() =>
      readdirSync(`/proc/${pid}/fd`).some((fd) => {
        const target = attempt(() => readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? ''
        return sockets.has(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? '')
      }),
    ),
  )
  return found === undefined ? undefined : Number(found)
}

/** The inodes of sockets that listen on `port`. */
function listening(family: string, port: number): string[] {
  const table = attempt(() => readFileSync(`/proc/net/${family}`, 'utf8')) ?? ''
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const rows = table.split('\n').map((line) => line.trim().split(/\s+/))
  return rows.filter((row) => row[1]?.endsWith(local) && row[3] === LISTEN).map((row) => row[9] ?? '')
}

const LISTEN = '0A'

function attempt<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch {
    return undefined
  }
}
