/** The life of a key: EnableKey, DisableKey, ScheduleKeyDeletion, CancelKeyDeletion. */
import { NEVER } from '../clock.ts'
import { fail } from '../errors.ts'
import { deletionDate, withFields } from '../keys.ts'
import { existing, operation } from '../operation.ts'
import { edits } from '../store/cache.ts'

const living = existing('KeyId', ['Enabled', 'Disabled'])

export const enableKey = operation('EnableKey', {
  on: { key: living },
  mutates: true,
  run(call) {
    if (!call.key.enabled) call.put(edits.putKey(withFields(call.key, { enabled: true })))
  },
})

export const disableKey = operation('DisableKey', {
  on: { key: living },
  mutates: true,
  run(call) {
    if (call.key.enabled) call.put(edits.putKey(withFields(call.key, { enabled: false })))
  },
})

export const scheduleKeyDeletion = operation('ScheduleKeyDeletion', {
  on: { key: living },
  mutates: true,
  check({ PendingWindowInDays: days = 30 }) {
    // The model's shape says 1 to 365; KMS takes 7 to 30.
    if (days < 7) refuseWindow(days, 'greater than or equal to 7')
    if (days > 30) refuseWindow(days, 'less than or equal to 30')
  },
  run(call) {
    const { key, now } = call
    const { PendingWindowInDays = 30 } = call.input
    const deletion = deletionDate(now, PendingWindowInDays)
    call.put(edits.putKey(withFields(key, { deletion })))
    return { KeyId: key.arn, DeletionDate: new Date(deletion), KeyState: 'PendingDeletion', PendingWindowInDays }
  },
})

export const cancelKeyDeletion = operation('CancelKeyDeletion', {
  on: { key: existing('KeyId', ['PendingDeletion']) },
  mutates: true,
  run(call) {
    // Whatever it was before, a key saved from deletion is disabled.
    call.put(edits.putKey(withFields(call.key, { deletion: NEVER, enabled: false })))
    return { KeyId: call.key.arn }
  },
})

function refuseWindow(days: number, bound: string): never {
  const violation = `Value '${days}' at 'pendingWindowInDays' failed to satisfy constraint: Member must have value ${bound}`
  fail('ValidationException', `1 validation error detected: ${violation}`)
}
