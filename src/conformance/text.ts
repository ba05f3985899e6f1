/** Texts in the structures of PKCS#11: of a fixed length, padded with blanks. */
import type { Device } from './device.ts'

/** Says so unless the text at `at` is UTF-8 with blanks behind, and no zero anywhere. */
export function blanks(device: Device, bytes: Buffer, at: number, length: number): void {
  const text = bytes.subarray(at, at + length)
  device.require(!text.includes(0), 'blanks behind the text', `a zero at ${text.indexOf(0)}`)
  device.require(text.equals(Buffer.from(text.toString())), 'UTF-8', 'bytes that are not UTF-8')
}
