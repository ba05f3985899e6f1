/** What a KMS can do with keys in this token, found out by doing it. */
import type { KeySpec } from '../model/kms.ts'
import type { Device } from './device.ts'
import type { Capability } from './report.ts'

export function capabilitiesOf(_device: Device, _spec: KeySpec): readonly Capability[] {
  return []
}
