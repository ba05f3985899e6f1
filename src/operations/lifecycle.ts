/** The life of a key: EnableKey, DisableKey, ScheduleKeyDeletion, CancelKeyDeletion. */
import { DAY, NEVER } from '../clock.ts'
import { fail } from '../errors.ts'
import { deletionDate, isPrimary, withFields, type Key } from '../keys.ts'
import { existing } from '../locators.ts'
import { operation } from '../operation.ts'
import { isReachable, relatedKeys, rescheduled, shared } from '../related.ts'
import { freshMaterial, rotate } from '../rotation.ts'
import { edits } from '../store/cache.ts'

const switchable = existing('KeyId', ['Enabled', 'Disabled', 'Unavailable'])

export const enableKey = operation('EnableKey', {
  on: { key: switchable },
  mutates: true,
  async run(call) {
    const { key, now, records } = call
    if (key.enabled) return
    const enabled = withFields(key, { enabled: true })
    const isMissed = key.rotation !== undefined && key.rotation.next <= now && !isReplica(key)
    // A rotation that was missed while the key was disabled is made up for at once; the schedule begins anew from it.
    if (isMissed && isReachable(key, call)) {
      const rotation = { ...key.rotation, next: now + key.rotation.periodInDays * DAY }
      const material = await freshMaterial(key, call)
      const step = { material, at: now, type: 'AUTOMATIC' } as const
      call.put(...(await rotate(withFields(enabled, { rotation }), [step], call)))
    } else if (isMissed) {
      // It is due now, and waits for a Region that is cut off.
      call.put(...(await shared(records, enabled, now, { rotation: { ...key.rotation, next: now } })))
    } else {
      call.put(edits.putKey(enabled))
    }
  },
})

export const disableKey = operation('DisableKey', {
  on: { key: switchable },
  mutates: true,
  run(call) {
    if (call.key.enabled) call.put(edits.putKey(withFields(call.key, { enabled: false })))
  },
})

export const scheduleKeyDeletion = operation('ScheduleKeyDeletion', {
  on: { key: existing('KeyId', ['Enabled', 'Disabled', 'PendingImport', 'Unavailable', 'Creating']) },
  mutates: true,
  check({ PendingWindowInDays: days = 30 }) {
    // The model's shape says 1 to 365; KMS takes 7 to 30.
    if (days < 7) refuseWindow(days, 'greater than or equal to 7')
    if (days > 30) refuseWindow(days, 'less than or equal to 30')
  },
  async run(call) {
    const { key, now, records } = call
    const { PendingWindowInDays = 30 } = call.input
    const members = await relatedKeys(records, key, now)
    const answer = { KeyId: key.arn, PendingWindowInDays }
    if (isPrimary(key) && members.length > 1) {
      // The window begins to run when the last replica is gone.
      call.put(...rescheduled(members, key.region, NEVER, PendingWindowInDays).map(edits.putKey))
      return { ...answer, KeyState: 'PendingReplicaDeletion' as const }
    }
    const deletion = deletionDate(now, PendingWindowInDays)
    call.put(...rescheduled(members, key.region, deletion).map(edits.putKey))
    return { ...answer, DeletionDate: new Date(deletion), KeyState: 'PendingDeletion' as const }
  },
})

export const cancelKeyDeletion = operation('CancelKeyDeletion', {
  on: { key: existing('KeyId', ['PendingDeletion', 'PendingReplicaDeletion']) },
  mutates: true,
  async run(call) {
    const { key, now, records } = call
    // Whatever it was before, a key saved from deletion is disabled.
    const members = await relatedKeys(records, withFields(key, { enabled: false }), now)
    call.put(...rescheduled(members, key.region, NEVER).map(edits.putKey))
    return { KeyId: key.arn }
  },
})

function isReplica(key: Key): boolean {
  return key.multiRegion !== undefined && !isPrimary(key)
}

function refuseWindow(days: number, bound: string): never {
  const violation = `Value '${days}' at 'pendingWindowInDays' failed to satisfy constraint: Member must have value ${bound}`
  fail('ValidationException', `1 validation error detected: ${violation}`)
}
