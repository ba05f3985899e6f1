/** Objects of a token: how they are found, and what the token says of them. */
import { fail } from '../../errors.ts'
import type { Handle, Template } from './cryptoki.ts'
import { CKA, CKK } from './numbers.ts'
import { curvePublicKey, latticePublicKey, rsaPublicKey, specOf, type Spec } from './specs.ts'
import type { Token } from './token.ts'

/** SubjectPublicKeyInfo, DER, of a public object. */
export function publicKeyIn(token: Token, session: Handle, spec: Spec, handle: Handle): Buffer {
  const says = (...types: readonly number[]) => read(token, session, handle, ...types)
  if (spec.family === 'rsa') {
    const [modulus, exponent] = says(CKA.MODULUS, CKA.PUBLIC_EXPONENT)
    return rsaPublicKey(modulus!, exponent!)
  }
  return spec.family === 'lattice'
    ? latticePublicKey(spec, says(CKA.VALUE)[0]!)
    : curvePublicKey(spec, says(CKA.EC_POINT)[0]!)
}

/** Stored objects of this class with this id. */
export function stored(cls: number, id?: Uint8Array): Template {
  return [
    { type: CKA.CLASS, value: cls },
    { type: CKA.TOKEN, value: true },
    ...(id ? [{ type: CKA.ID, value: Buffer.from(id) }] : []),
  ]
}

export function findAll({ cryptoki }: Token, session: Handle, template: Template): Handle[] {
  const found: Handle[] = []
  cryptoki.C_FindObjectsInit(session, template)
  for (let more = cryptoki.C_FindObjects(session, 100); more.length > 0; more = cryptoki.C_FindObjects(session, 100)) {
    found.push(...more)
  }
  cryptoki.C_FindObjectsFinal(session)
  return found
}

export function read({ cryptoki }: Token, session: Handle, handle: Handle, ...types: readonly number[]): Buffer[] {
  const asked = types.map((type) => ({ type }))
  return cryptoki.C_GetAttributeValue(session, handle, asked).map(({ value }) => value)
}

/** What tells keys of one type apart. Tokens do not count the bits of a modulus that came from outside. */
const TELLING: Readonly<Record<number, number>> = {
  [CKK.EC]: CKA.EC_PARAMS,
  [CKK.EC_EDWARDS]: CKA.EC_PARAMS,
  [CKK.RSA]: CKA.MODULUS,
  [CKK.ML_DSA]: CKA.PARAMETER_SET,
}

/** What kind of key `handle` is: a secret one, or a public half. */
export function describe(token: Token, session: Handle, handle: Handle): Spec {
  const keyType = number(read(token, session, handle, CKA.KEY_TYPE)[0]!)
  const telling = TELLING[keyType] ?? CKA.VALUE_LEN
  const [what] = read(token, session, handle, telling)
  const isCurve = telling === CKA.EC_PARAMS
  const size = isCurve ? 0 : keyType === CKK.RSA ? what!.length * 8 : number(what!)
  const spec = specOf(keyType, isCurve ? what : undefined, size)
  return spec ?? fail('KMSInternalException', 'the token has a key of a kind that is none of ours')
}

/** A CK_ULONG as this machine writes it. */
function number(bytes: Buffer): number {
  return bytes.readUIntLE(0, Math.min(bytes.length, 6))
}
