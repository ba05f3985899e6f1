/** A token as a device that checks are tried on in this process, and whether one fails. */
import { Finding, Inapplicable, type Check } from '../../src/conformance/check.ts'
import { Module } from '../../src/conformance/cryptoki/module.ts'
import { CKM } from '../../src/conformance/cryptoki/numbers.ts'
import { Device } from '../../src/conformance/device.ts'
import { initialize, slotOf } from '../../src/conformance/token.ts'
import type { SoftToken } from '../helpers/softhsm.ts'

export function opened({
  module,
  tokenLabel,
  pin,
  soPin,
}: Pick<SoftToken, 'module' | 'tokenLabel' | 'pin'> & Partial<Pick<SoftToken, 'soPin'>>): Device {
  const loaded = new Module(module)
  initialize(loaded)
  return new Device(loaded, { slot: slotOf(loaded, { tokenLabel }), pin, soPin })
}

export async function isFailing(device: Device, { needs = [], run }: Check): Promise<boolean> {
  if (needs.some((name) => !device.announces(CKM[name]))) return false
  try {
    await run(device)
    return false
  } catch (error) {
    if (error instanceof Finding) return true
    if (error instanceof Inapplicable) return false
    throw error
  } finally {
    device.tidy()
  }
}
