/** Behind the doors of a room, for what no operation can bring about or show. */
import type { Strongroom } from '../../src/index.ts'
import type { Records } from '../../src/store/cache.ts'

export function recordsOf(room: Strongroom): Records {
  return (room as unknown as { service: { records: Records } }).service.records
}
