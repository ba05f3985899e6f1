/** Keys of a token: made in it, found again by the id that is all their token says, and open while they are in use. */
import { createPublicKey, randomBytes, type KeyObject } from 'node:crypto'
import { fail } from '../../errors.ts'
import type { Material } from '../../keys.ts'
import type { Eventually, Made } from '../backend.ts'
import type { Handle, Template } from './cryptoki.ts'
import { TokenError, translate } from './faults.ts'
import { CKA, CKK, CKO } from './numbers.ts'
import { curvePublicKey, ownUses, publicUses, rsaPublicKey, specOf, TOKEN_SPECS, type Spec } from './specs.ts'
import type { Token } from './token.ts'

/** A key that is open: handles of one connection to the token. */
export interface OpenKey {
  readonly spec: Spec
  /** Of the secret or private key. */
  readonly handle: Handle
  /** The public half: in the token, and here. */
  readonly pair: { readonly handle: Handle; readonly publicKey: KeyObject } | undefined
  readonly connection: number
  /** Whether `handle` is a copy that lives for the session alone: tokens read what is stored anew whenever it is used. */
  readonly copied: boolean
}

/** Keys open at once, unless said otherwise. */
const OPEN = 4096

const ID = 16

export class Keys {
  readonly token: Token
  private readonly copies: boolean
  private readonly limit: number
  /** By a number that is never used again, which the material's pocket remembers. */
  private readonly open = new Map<number, OpenKey>()
  private last = 0

  constructor(token: Token, copies: boolean, limit = OPEN) {
    this.token = token
    this.copies = copies
    this.limit = limit
  }

  /** Makes a key that stays in the token. */
  create(name: string, uses: number): Eventually<Made> {
    const spec = TOKEN_SPECS[name]
    if (!spec) fail('UnsupportedOperationException', 'the token of the key cannot do this')
    const id = randomBytes(ID)
    const stored = storedAs(id, name)
    if (isSecret(spec)) {
      this.token.use((session) => makeSecret(this.token, session, spec, uses, stored))
      return { token: id }
    }
    return this.token.use((session) => {
      const made = makePair(this.token, session, spec, uses, stored)
      return { token: id, publicKey: publicKeyIn(this.token, session, spec, made.publicKey) }
    })
  }

  /** Stores a key whose attributes are known; its token. */
  store(name: string, uses: number, own: Template, open?: Template): Uint8Array {
    const spec = TOKEN_SPECS[name]!
    const id = randomBytes(ID)
    const stored = storedAs(id, name)
    this.token.use((session) => {
      const { cryptoki } = this.token
      const cls = isSecret(spec) ? CKO.SECRET_KEY : CKO.PRIVATE_KEY
      cryptoki.C_CreateObject(session, [...typed(cls, spec), ...hidden(spec, uses), ...own, ...stored])
      if (open) {
        cryptoki.C_CreateObject(session, [...typed(CKO.PUBLIC_KEY, spec), ...publicUses(uses), ...open, ...stored])
      }
    })
    return id
  }

  /** Does `act` on the spot with the key of `material`. */
  use<T>(material: Material, act: (session: Handle, key: OpenKey) => T): T {
    return this.token.use((session) => act(session, this.opened(session, material)))
  }

  /** The same in a thread of its own. */
  useAside<T>(material: Material, act: (session: Handle, key: OpenKey) => Promise<T>): Promise<T> {
    return this.token.useAside((session) => act(session, this.opened(session, material)))
  }

  /** Lets go of what is open of `material`; the key stays in the token. */
  release({ opened }: Material): void {
    const key = this.open.get(opened.slot)
    if (!key) return
    this.open.delete(opened.slot)
    opened.slot = 0
    this.destroyCopy(key)
  }

  /** Destroys all that the token has of a key: the secret one, or both halves of a pair. */
  erase(id: Uint8Array): void {
    this.token.use((session) => {
      const stored = [
        { type: CKA.TOKEN, value: true },
        { type: CKA.ID, value: Buffer.from(id) },
      ]
      for (const handle of findAll(this.token, session, stored)) this.token.cryptoki.C_DestroyObject(session, handle)
    })
  }

  private opened(session: Handle, material: Material): OpenKey {
    const known = this.open.get(material.opened.slot)
    if (known?.connection === this.token.connect()) return known
    if (known) this.open.delete(material.opened.slot)
    const key = this.load(session, material.token!)
    for (const [number, oldest] of this.open) {
      if (this.open.size < this.limit) break
      this.open.delete(number)
      this.destroyCopy(oldest)
    }
    material.opened.slot = ++this.last
    this.open.set(this.last, key)
    return key
  }

  private load(session: Handle, id: Uint8Array): OpenKey {
    const { token } = this
    const secret = find(token, session, CKO.SECRET_KEY, id)
    const own = secret ?? find(token, session, CKO.PRIVATE_KEY, id)
    if (!own) throw new TokenError('KeyMissing', `the token has no key with the id ${Buffer.from(id).toString('hex')}`)
    const other = secret ? undefined : find(token, session, CKO.PUBLIC_KEY, id)
    if (!secret && !other) throw new TokenError('KeyMissing', 'the token has a private key without its public half')
    const spec = describe(token, session, other ?? own)
    const pair = other && {
      handle: other,
      publicKey: createPublicKey({ key: publicKeyIn(token, session, spec, other), type: 'spki', format: 'der' }),
    }
    const handle = this.copies ? copy(token, own) : own
    return { spec, handle, pair, connection: token.connect(), copied: this.copies }
  }

  private destroyCopy({ handle, connection, copied }: OpenKey): void {
    if (!copied || connection !== this.token.connect()) return
    try {
      this.token.cryptoki.C_DestroyObject(this.token.anchor, handle)
    } catch (error) {
      throw translate(error)
    }
  }
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
function hidden(spec: Spec, uses: number): Template {
  return [
    { type: CKA.PRIVATE, value: true },
    { type: CKA.SENSITIVE, value: true },
    { type: CKA.EXTRACTABLE, value: false },
    ...ownUses(spec.family, uses),
  ]
}

export function makeSecret(token: Token, session: Handle, spec: Spec, uses: number, place: Template): Handle {
  const template = [...typed(CKO.SECRET_KEY, spec), ...spec.shape, ...hidden(spec, uses), ...place]
  return token.cryptoki.C_GenerateKey(session, { mechanism: spec.mechanism }, template)
}

/**
 * On the spot, however long it takes: SoftHSM2 fails with CKR_GENERAL_ERROR when a thread stores an object while another looks
 * for one.
 */
export function makePair(
  token: Token,
  session: Handle,
  spec: Spec,
  uses: number,
  place: Template,
  more: Template = [],
) {
  const open = [...typed(CKO.PUBLIC_KEY, spec), ...spec.shape, ...publicUses(uses), ...place]
  const said = new Set(more.map(({ type }) => type))
  const rest = hidden(spec, uses).filter(({ type }) => !said.has(type))
  const own = [...typed(CKO.PRIVATE_KEY, spec), ...rest, ...more, ...place]
  return token.cryptoki.C_GenerateKeyPair(session, { mechanism: spec.mechanism }, open, own)
}

function typed(cls: number, spec: Spec): Template {
  return [
    { type: CKA.CLASS, value: cls },
    { type: CKA.KEY_TYPE, value: spec.keyType },
  ]
}

/** An object that lives as long as the connection, with all that the stored one has. */
export function copy(token: Token, handle: Handle): Handle {
  return token.cryptoki.C_CopyObject(token.anchor, handle, PASSING)
}

/** SubjectPublicKeyInfo, DER, of a public object. */
export function publicKeyIn(token: Token, session: Handle, spec: Spec, handle: Handle): Buffer {
  if (spec.family === 'rsa') {
    const [modulus, exponent] = read(token, session, handle, CKA.MODULUS, CKA.PUBLIC_EXPONENT)
    return rsaPublicKey(modulus!, exponent!)
  }
  return curvePublicKey(spec, read(token, session, handle, CKA.EC_POINT)[0]!)
}

function find(token: Token, session: Handle, cls: number, id: Uint8Array): Handle | undefined {
  return findAll(token, session, [
    { type: CKA.CLASS, value: cls },
    { type: CKA.TOKEN, value: true },
    { type: CKA.ID, value: Buffer.from(id) },
  ])[0]
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

/** What kind of key `handle` is: a secret one, or a public half. */
function describe(token: Token, session: Handle, handle: Handle): Spec {
  const keyType = number(read(token, session, handle, CKA.KEY_TYPE)[0]!)
  const isCurve = keyType === CKK.EC || keyType === CKK.EC_EDWARDS
  // Tokens do not count the bits of a modulus that came from outside.
  const [what] = read(
    token,
    session,
    handle,
    isCurve ? CKA.EC_PARAMS : keyType === CKK.RSA ? CKA.MODULUS : CKA.VALUE_LEN,
  )
  const size = isCurve ? 0 : keyType === CKK.RSA ? what!.length * 8 : number(what!)
  const spec = specOf(keyType, isCurve ? what : undefined, size)
  return spec ?? fail('KMSInternalException', 'the token has a key of a kind that is none of ours')
}

export function read(token: Token, session: Handle, handle: Handle, ...types: readonly number[]): Buffer[] {
  return token.cryptoki
    .C_GetAttributeValue(
      session,
      handle,
      types.map((type) => ({ type })),
    )
    .map(({ value }) => value)
}

/** A CK_ULONG as this machine writes it. */
function number(bytes: Buffer): number {
  return bytes.readUIntLE(0, Math.min(bytes.length, 6))
}
