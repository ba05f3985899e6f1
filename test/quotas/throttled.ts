/** What the tests of quotas share: a room whose clock stands still, and counting how many calls it takes. */
import type { ExecutionContext } from 'ava'
import { KmsError, Strongroom, type StrongroomOptions } from '../../src/index.ts'

export const ACCOUNT = '111122223333'
export const OTHER = '444455556666'

export interface Still {
  readonly room: Strongroom
  /** Moves the time on, by milliseconds. */
  pass(millis: number): void
}

/** A room of two accounts in which no time passes by itself. */
export async function still(t: ExecutionContext, options: StrongroomOptions = {}): Promise<Still> {
  let now = Date.UTC(2026, 0, 1)
  const accounts = [{ id: ACCOUNT }, { id: OTHER }]
  const room = await Strongroom.open({ memory: true, accounts, now: () => new Date(now), ...options })
  t.teardown(() => room.close())
  return { room, pass: (millis) => (now += millis) }
}

/** How many calls go through before the first that is throttled; at most `limit`. Other refusals are calls, too. */
export async function accepted(act: () => unknown, limit = 20): Promise<number> {
  for (let count = 0; count < limit; count++) {
    try {
      await act()
    } catch (error) {
      if (!(error instanceof KmsError)) throw error
      if (error.code === 'ThrottlingException') return count
    }
  }
  return limit
}
