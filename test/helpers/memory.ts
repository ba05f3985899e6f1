/** A process turned inside out: whether bytes are anywhere in its readable memory. */
import { openSync, readFileSync, readSync } from 'node:fs'

/** Reads all that can be read of a process's memory. */
export function searchMemory(pid: number, wanted: readonly Buffer[]): { found: boolean[]; bytes: number } {
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  const found = wanted.map(() => false)
  let bytes = 0
  const chunk = Buffer.alloc(4 << 20)
  for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
    const [, from, to, rights] = /^([0-9a-f]+)-([0-9a-f]+) (\S+)/.exec(line) ?? []
    if (!rights?.startsWith('r') || /\[(vvar|vsyscall)/.test(line)) continue
    const end = Number.parseInt(to!, 16)
    // Chunks overlap, lest a needle lie across two.
    for (let at = Number.parseInt(from!, 16); at < end; at += chunk.length - 128) {
      const read = readAt(memory, chunk, Math.min(chunk.length, end - at), at)
      bytes += read
      for (const [i, needle] of wanted.entries()) found[i] ||= chunk.subarray(0, read).includes(needle)
    }
  }
  return { found, bytes }
}

/** A page that the kernel lets nobody read counts as empty. */
function readAt(file: number, into: Buffer, length: number, at: number): number {
  try {
    return readSync(file, into, 0, length, at)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EIO') return 0
    throw error
  }
}
