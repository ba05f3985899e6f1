/** How fast a token is. */
import type { Device } from './device.ts'
import type { Throughput } from './report.ts'

export async function measure(_device: Device, _row: string, _seconds: number): Promise<readonly Throughput[]> {
  return []
}
