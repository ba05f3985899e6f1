/** The rules of PINs: changed, and back again whatever comes; nothing that is refused is tried to log in with. */
import type { Check } from '../check.ts'
import { pin } from '../cryptoki/module.ts'
import { CKF, CKR } from '../cryptoki/numbers.ts'
import type { Device } from '../device.ts'
import { otherPin } from '../samples.ts'
import { row } from '../row.ts'
import { pinLengths } from '../told.ts'

export const PINS: readonly Check[] = [
  row(
    'pin.change',
    'major',
    'C_SetPIN',
    'the user changes the PIN, and back',
    (device) => {
      const other = otherPin(device)
      changing(device, other, (session, rv) => {
        device.expect(rv, 'OK')
        device.call('C_Logout', session)
        device.expect(device.login(session, other), 'OK')
      })
    },
    { writes: true },
  ),
  row(
    'pin.change.read-only',
    'minor',
    'C_SetPIN',
    'a PIN is not changed in a session that only reads',
    (device) =>
      device.expect(setPin(device, device.session(CKF.SERIAL_SESSION), device.pin, device.pin), 'SESSION_READ_ONLY'),
    { writes: true },
  ),
  row(
    'pin.too-short',
    'major',
    'C_SetPIN',
    'a PIN shorter than the token says is out of range',
    (device) => {
      const { least } = pinLengths(device)
      if (least < 2) device.skip('a PIN may have any length')
      changing(device, '7'.repeat(least - 1), (_, rv) =>
        device.expect(rv, 'PIN_LEN_RANGE', 'PIN_INVALID', 'PIN_TOO_WEAK'),
      )
    },
    { writes: true },
  ),
  row(
    'pin.too-long',
    'minor',
    'C_SetPIN',
    'a PIN longer than the token says is out of range',
    (device) => {
      const { most } = pinLengths(device)
      if (most < 1 || most > 4096) device.skip('a PIN may have any length')
      changing(device, '7'.repeat(most + 1), (_, rv) =>
        device.expect(rv, 'PIN_LEN_RANGE', 'PIN_INVALID', 'ARGUMENTS_BAD'),
      )
    },
    { writes: true },
  ),
  row(
    'pin.empty',
    'critical',
    'C_SetPIN',
    'a PIN is not nothing',
    (device) => {
      if (pinLengths(device).least < 1) device.skip('the token says that a PIN may be nothing')
      changing(device, '', (_, rv) =>
        device.expect(rv, 'PIN_LEN_RANGE', 'PIN_INVALID', 'PIN_TOO_WEAK', 'ARGUMENTS_BAD'),
      )
    },
    { writes: true },
  ),
]

/** Tells `then` what came of changing the PIN to `other`, and changes it back, whatever comes. */
function changing(device: Device, other: string, then: (session: number, rv: number) => void): void {
  const session = device.session()
  const rv = setPin(device, session, device.pin, other)
  try {
    then(session, rv)
  } finally {
    if (rv === CKR.OK) setPin(device, session, other, device.pin)
  }
}

function setPin(device: Device, session: number, old: string, fresh: string): number {
  return device.call('C_SetPIN', session, pin(old), Buffer.byteLength(old), pin(fresh), Buffer.byteLength(fresh))
}
