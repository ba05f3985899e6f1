/** Operations in parts, and how their room is asked for. */
import { mechanism, word, wordIn, type Mechanism } from './cryptoki/memory.ts'
import { CKR } from './cryptoki/numbers.ts'
import type { Device, Given } from './device.ts'

export type Kind = 'Encrypt' | 'Decrypt' | 'Digest' | 'Sign'

/** Who holds back what it decrypted may ask for room for all of it, with each part. */
const ROOM = 1 << 16

/** The first call of an operation. */
export function begin(device: Device, session: number, kind: Kind | 'Verify', how: Mechanism, key?: number): number {
  return device.call(`C_${kind}Init`, session, mechanism(how), ...(kind === 'Digest' ? [] : [key!]))
}

/** Begin, each part, and the end; what came out in between is the beginning of the bytes. */
export function inParts(
  device: Device,
  session: number,
  kind: Kind,
  how: Mechanism,
  key: number | undefined,
  parts: readonly Buffer[],
): Given {
  const out: Buffer[] = []
  const failed = (rv: number): Given => ({ rv, bytes: Buffer.concat(out) })
  let rv = begin(device, session, kind, how, key)
  if (rv !== CKR.OK) return failed(rv)
  for (const part of parts) {
    const came = update(device, session, kind, part)
    if (came.rv !== CKR.OK) return failed(came.rv)
    out.push(came.bytes)
  }
  const last = finish(device, session, kind)
  rv = last.rv
  return { rv, bytes: Buffer.concat([...out, last.bytes]) }
}

/** One part: the bytes it gave, which only ciphers do. */
export function update(device: Device, session: number, kind: Kind, part: Buffer): Given {
  if (kind === 'Digest' || kind === 'Sign')
    return { rv: device.call(`C_${kind}Update`, session, part, part.length), bytes: Buffer.alloc(0) }
  return written(ROOM, (out, length) => device.call(`C_${kind}Update`, session, part, part.length, out, length))
}

/** The end; there may be as much as was held back until then. */
export function finish(device: Device, session: number, kind: Kind): Given {
  return written(ROOM, (out, length) => device.call(`C_${kind}Final`, session, out, length))
}

export function verifyInParts(
  device: Device,
  session: number,
  how: Mechanism,
  key: number,
  parts: readonly Buffer[],
  signature: Buffer,
): number {
  let rv = begin(device, session, 'Verify', how, key)
  for (const part of parts) if (rv === CKR.OK) rv = device.call('C_VerifyUpdate', session, part, part.length)
  return rv === CKR.OK ? device.call('C_VerifyFinal', session, signature, signature.length) : rv
}

/** What a call writes that is given a place and its room. */
export function written(room: number, act: (out: Buffer, length: Buffer) => number): Given {
  const [out, length] = [Buffer.alloc(Math.max(room, 1)), word(room)]
  const rv = act(out, length)
  return { rv, bytes: rv === CKR.OK ? out.subarray(0, wordIn(length)) : Buffer.alloc(0) }
}
