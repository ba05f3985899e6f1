/** Keys of a token: made in it, found again by the id that is all their token says, and open while they are in use. */
import { createPublicKey, randomBytes, type KeyObject } from 'node:crypto'
import { fail } from '../../errors.ts'
import type { Material } from '../../keys.ts'
import { after, type Eventually, type Made } from '../backend.ts'
import type { Handle, Template } from './cryptoki.ts'
import { TokenError, translate } from './faults.ts'
import { copy, hidden, isSecret, makeSecret, makeStoredPair, storedAs, typed } from './making.ts'
import { CKA, CKO } from './numbers.ts'
import { describe, findAll, publicKeyIn, stored } from './objects.ts'
import { publicUses, TOKEN_SPECS, type Spec } from './specs.ts'
import type { Token } from './token.ts'

/** A key that is open: handles of one connection to the token. */
export interface OpenKey {
  readonly spec: Spec
  /** Of the secret or private key. */
  readonly handle: Handle
  /** The public half: in the token, and here, where it is read when it is asked for: node:crypto does not know all kinds. */
  readonly pair: { readonly handle: Handle; publicKey(): KeyObject } | undefined
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
    const place = storedAs(id, name)
    if (isSecret(spec)) {
      this.token.use((session) => makeSecret(this.token, session, spec, uses, place))
      return { token: id }
    }
    return after(makeStoredPair(this.token, spec, uses, place), (publicKey) => ({ token: id, publicKey }))
  }

  /** Stores a key whose attributes are known; its token. */
  store(name: string, uses: number, own: Template, open?: Template): Uint8Array {
    const spec = TOKEN_SPECS[name]!
    const id = randomBytes(ID)
    const place = storedAs(id, name)
    this.token.use((session) => {
      const { cryptoki } = this.token
      const cls = isSecret(spec) ? CKO.SECRET_KEY : CKO.PRIVATE_KEY
      cryptoki.C_CreateObject(session, [...typed(cls, spec), ...hidden(spec, uses), ...own, ...place])
      if (open) {
        cryptoki.C_CreateObject(session, [...typed(CKO.PUBLIC_KEY, spec), ...publicUses(uses), ...open, ...place])
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
      const all = [
        { type: CKA.TOKEN, value: true },
        { type: CKA.ID, value: Buffer.from(id) },
      ]
      for (const handle of findAll(this.token, session, all)) this.token.cryptoki.C_DestroyObject(session, handle)
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
    const find = (cls: number) => findAll(token, session, stored(cls, id))[0]
    const secret = find(CKO.SECRET_KEY)
    const own = secret ?? find(CKO.PRIVATE_KEY)
    if (!own) throw new TokenError('KeyMissing', `the token has no key with the id ${Buffer.from(id).toString('hex')}`)
    const other = secret ? undefined : find(CKO.PUBLIC_KEY)
    if (!secret && !other) throw new TokenError('KeyMissing', 'the token has a private key without its public half')
    const spec = describe(token, session, other ?? own)
    const pair = other && { handle: other, publicKey: readOnce(publicKeyIn(token, session, spec, other)) }
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

function readOnce(spki: Buffer): () => KeyObject {
  let read: KeyObject | undefined
  return () => (read ??= createPublicKey({ key: spki, type: 'spki', format: 'der' }))
}
