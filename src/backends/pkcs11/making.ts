/**
 * Keys as a token makes them: sensitive, not extractable, and for what they are meant. What takes it long is made in a thread, as
 * keys of a session, and stored when it is there: SoftHSM2 fails with CKR_GENERAL_ERROR when a thread stores an object while
 * another looks for one.
 */
import type { Eventually } from '../backend.ts'
import type { Handle, Template } from './cryptoki.ts'
import { isForgotten } from './faults.ts'
import { CKA, CKO } from './numbers.ts'
import { publicKeyIn } from './objects.ts'
import { ownUses, publicUses, type Spec } from './specs.ts'
import type { Token } from './token.ts'

interface Pair {
  readonly publicKey: Handle
  readonly privateKey: Handle
}

export function isSecret({ family }: Spec): boolean {
  return family === 'aes' || family === 'hmac'
}

/** Stays in the token, to be found by its id; the label is for people. */
export function storedAs(id: Buffer, label: string): Template {
  return [
    { type: CKA.TOKEN, value: true },
    { type: CKA.ID, value: id },
    { type: CKA.LABEL, value: `strongroom ${label}` },
  ]
}

/** Ends with the session. */
export const PASSING: Template = [{ type: CKA.TOKEN, value: false }]

/** Nobody sees it: sensitive, not extractable, and of no use but those it was made for. */
export function hidden(spec: Spec, uses: number): Template {
  return [
    { type: CKA.PRIVATE, value: true },
    { type: CKA.SENSITIVE, value: true },
    { type: CKA.EXTRACTABLE, value: false },
    ...ownUses(spec.family, uses),
  ]
}

export function typed(cls: number, spec: Spec): Template {
  return [
    { type: CKA.CLASS, value: cls },
    { type: CKA.KEY_TYPE, value: spec.keyType },
  ]
}

export function makeSecret(token: Token, session: Handle, spec: Spec, uses: number, place: Template): Handle {
  const template = [...typed(CKO.SECRET_KEY, spec), ...spec.shape, ...hidden(spec, uses), ...place]
  return token.cryptoki.C_GenerateKey(session, { mechanism: spec.mechanism }, template)
}

/** Makes a pair that stays in the token; its public key, SubjectPublicKeyInfo, DER. `more` is about the private one. */
export function makeStoredPair(
  token: Token,
  spec: Spec,
  uses: number,
  place: Template,
  more: Template = [],
): Eventually<Buffer> {
  if (spec.family !== 'rsa') {
    return token.use((session) => {
      const { publicKey } = makePair(token, session, spec, uses, place, more)
      return publicKeyIn(token, session, spec, publicKey)
    })
  }
  return token.useAside(async (session) => {
    const made = await makePairAside(token, session, spec, uses, more)
    const publicKey = publicKeyIn(token, session, spec, made.publicKey)
    try {
      keep(token, session, made, place)
      return publicKey
    } catch (error) {
      if (isForgotten(error)) throw error
    }
    // A token that stores no copies has it made where it is to stay, however long that takes.
    return publicKeyIn(token, session, spec, makePair(token, session, spec, uses, place, more).publicKey)
  })
}

function makePair(token: Token, session: Handle, spec: Spec, uses: number, place: Template, more: Template): Pair {
  const { mechanism, open, own } = pairOf(spec, uses, place, more)
  return token.cryptoki.C_GenerateKeyPair(session, mechanism, open, own)
}

/** A pair that ends with the session, made in a thread. */
export function makePairAside(
  token: Token,
  session: Handle,
  spec: Spec,
  uses: number,
  more: Template = [],
): Promise<Pair> {
  const { mechanism, open, own } = pairOf(spec, uses, PASSING, more)
  return token.cryptoki.C_GenerateKeyPairAsync(session, mechanism, open, own)
}

/** Stores both halves of a pair of the session, or none, and ends what the session has of it. */
function keep({ cryptoki }: Token, session: Handle, { publicKey, privateKey }: Pair, place: Template): void {
  const kept = cryptoki.C_CopyObject(session, privateKey, place)
  try {
    cryptoki.C_CopyObject(session, publicKey, place)
  } catch (error) {
    cryptoki.C_DestroyObject(session, kept)
    throw error
  } finally {
    for (const handle of [privateKey, publicKey]) cryptoki.C_DestroyObject(session, handle)
  }
}

function pairOf(spec: Spec, uses: number, place: Template, more: Template) {
  const said = new Set(more.map(({ type }) => type))
  const rest = hidden(spec, uses).filter(({ type }) => !said.has(type))
  return {
    mechanism: { mechanism: spec.mechanism },
    open: [...typed(CKO.PUBLIC_KEY, spec), ...spec.shape, ...publicUses(uses), ...place],
    own: [...typed(CKO.PRIVATE_KEY, spec), ...rest, ...more, ...place],
  }
}

/** An object that lives as long as the connection, with all that the stored one has. */
export function copy(token: Token, handle: Handle): Handle {
  return token.cryptoki.C_CopyObject(token.anchor, handle, PASSING)
}
