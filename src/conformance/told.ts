/** What a token tells of itself and of a session, in structures, and the texts in them. */
import { WORD, wordIn } from './cryptoki/memory.ts'
import { CKS } from './cryptoki/numbers.ts'
import type { Device } from './device.ts'

/** CK_TOKEN_INFO. */
export function tokenInfo(device: Device): Buffer {
  const info = Buffer.alloc(208)
  device.expect(device.call('C_GetTokenInfo', device.slot, info), 'OK')
  return info
}

/** The flags of the token. */
export function tokenFlags(device: Device): number {
  return wordIn(tokenInfo(device), 96)
}

/** The longest and the shortest PIN. */
export function pinLengths(device: Device): { readonly most: number; readonly least: number } {
  const info = tokenInfo(device)
  return { most: wordIn(info, 136), least: wordIn(info, 144) }
}

/** CK_SESSION_INFO. */
export function sessionInfo(device: Device, session: number): Buffer {
  const info = Buffer.alloc(32)
  device.expect(device.call('C_GetSessionInfo', session, info), 'OK')
  return info
}

/** The state of a session by its name. */
export function stateOf(device: Device, session: number): string {
  const state = wordIn(sessionInfo(device, session), WORD)
  return `CKS_${Object.entries(CKS).find(([, number]) => number === state)?.[0] ?? state}`
}

/** Says so unless a session is in that state. */
export function stateIs(device: Device, session: number, wanted: keyof typeof CKS): void {
  const state = stateOf(device, session)
  device.require(state === `CKS_${wanted}`, `CKS_${wanted}`, state)
}

/** Says so unless the text at `at` is UTF-8 with blanks behind, and no zero anywhere. */
export function blanks(device: Device, bytes: Buffer, at: number, length: number): void {
  const text = bytes.subarray(at, at + length)
  device.require(!text.includes(0), 'blanks behind the text', `a zero at ${text.indexOf(0)}`)
  device.require(text.equals(Buffer.from(text.toString())), 'UTF-8', 'bytes that are not UTF-8')
}
