/**
 * A device of somebody else's as a room's backend: which one it was a folder remembers, and what it does not do by itself is
 * told.
 */
import { Kept } from '../store/kept.ts'
import type { Store } from '../store/store.ts'
import { VaultError } from '../vault.ts'
import type { Ability, Backend, OpenedBackend } from './backend.ts'
import { passing } from './passing.ts'

/** `backend` for a room, which also has `wipe` to do in the end; the keys of one that `keeps` nothing end with it. */
export function guestBackend(backend: Backend, keeps: boolean, wipe: () => void): Backend {
  const lasting = keeps ? backend : passing(backend)
  return {
    ...lasting,
    async close() {
      await lasting.close()
      wipe()
    },
  }
}

/** Where a room's keys are. */
interface Home {
  readonly identity: string
}

const NATIVE = 'the HSM of the folder itself'

/**
 * Refuses a room that was opened with another backend than its keys are in; one that has no keys yet takes any, and stays with
 * it. Without a guest they are in the Rust HSM.
 */
export async function settleIn(store: Store, guest: OpenedBackend | undefined): Promise<void> {
  const home = await Kept.open<Home>(store, 'backend')
  const known = home.value?.identity ?? ((await isEmpty(store)) ? undefined : NATIVE)
  const here = guest?.identity ?? NATIVE
  if (known !== undefined && known !== here)
    throw new VaultError('BackendRefused', `the keys are in ${known}, and nowhere else; not in ${here}`)
  if (guest && !home.value) await home.put({ identity: here })
}

async function isEmpty(store: Store): Promise<boolean> {
  const found = await Promise.all(['keys', 'internal_keys'].map((table) => store.list(table, '', [], null, 1)))
  return found.every((rows) => rows.length === 0)
}

/** Tells, in a line for each kind, of all that the device does not do by itself. */
export function tellAbilities(abilities: readonly Ability[], log: (line: string) => void): void {
  const kinds = { emulated: 'done in this process for the device', impossible: 'not to be had with keys in the device' }
  for (const [kind, text] of Object.entries(kinds)) {
    const those = abilities.filter(({ support }) => support === kind)
    if (those.length > 0) log(`${text}: ${[...new Set(those.map(({ how }) => how))].map(alike).join('; ')}`)

    function alike(how: string | undefined): string {
      const names = those.filter((each) => each.how === how).map(({ what }) => what)
      return `${names.join(', ')}${how === undefined ? '' : ` (${how})`}`
    }
  }
}
