/**
 * AES key wrap with padding (RFC 5649) of a token, which has two numbers: 0x210A is whatever its maker took it for, 0x210B is what
 * PKCS#11 v3 made of it. Some tokens pad with zeros and forget the length under the one, so that what is unwrapped is another
 * key: it is compared with node:crypto's before anybody relies on it.
 */
import { createCipheriv, randomBytes } from 'node:crypto'
import type { Handle } from './cryptoki.ts'
import { CKA, CKK, CKM, CKO } from './numbers.ts'
import { PASSING } from './making.ts'
import type { Token } from './token.ts'

const NUMBERS = [
  ['0x210b', CKM.AES_KEY_WRAP_KWP],
  ['0x210a', CKM.AES_KEY_WRAP_PAD],
] as const

/** Lengths of keys: a whole number of blocks, and what is not. */
const LENGTHS = [16, 20, 33, 1218]

/** The number of the two that works as specified, if any does. */
export type Kwp = 'absent' | '0x210a' | '0x210b'

/** The number under which the token wraps as specified, keys of any length. */
export async function kwpOf(token: Token): Promise<Kwp> {
  for (const [name, mechanism] of NUMBERS) {
    const right = await Promise.all(LENGTHS.map((length) => wraps(token, mechanism, length)))
    if (right.every((each) => each)) return name
  }
  return 'absent'
}

async function wraps(token: Token, mechanism: number, length: number): Promise<boolean> {
  const [wrapping, secret] = [randomBytes(32), randomBytes(length)]
  const cipher = createCipheriv('id-aes256-wrap-pad', wrapping, Buffer.from('a65959a6', 'hex'))
  const expected = Buffer.concat([cipher.update(secret), cipher.final()])
  try {
    return await token.apart((session) => {
      const by = known(token, session, CKK.AES, wrapping)
      const key = known(token, session, CKK.GENERIC_SECRET, secret)
      return token.cryptoki.C_WrapKey(session, { mechanism }, by, key, Buffer.alloc(length + 64)).equals(expected)
    })
  } catch {
    return false
  }
}

/** A key that everybody may see, for as long as the session lasts. */
function known({ cryptoki }: Token, session: Handle, keyType: number, value: Buffer): Handle {
  return cryptoki.C_CreateObject(session, [
    { type: CKA.CLASS, value: CKO.SECRET_KEY },
    { type: CKA.KEY_TYPE, value: keyType },
    { type: CKA.VALUE, value },
    { type: CKA.SENSITIVE, value: false },
    { type: CKA.EXTRACTABLE, value: true },
    { type: CKA.WRAP, value: keyType === CKK.AES },
    ...PASSING,
  ])
}
