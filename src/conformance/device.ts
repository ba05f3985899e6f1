/** The token under test, in the words of the standard but with less to type: what a check works with. */
import { randomBytes } from 'node:crypto'
import { Finding, Inapplicable } from './finding.ts'
import type { FunctionName } from './cryptoki/functions.ts'
import {
  mechanism,
  named,
  nameOf,
  structure,
  template,
  word,
  WORD,
  wordIn,
  type Mechanism,
  type Template,
} from './cryptoki/memory.ts'
import { pin, type Argument, type Module } from './cryptoki/module.ts'
import { CKA, CKF, CKR, CKU } from './cryptoki/numbers.ts'

export type ReturnValue = keyof typeof CKR

/** What came of a call that gives a handle, or bytes. */
export interface Handled {
  readonly rv: number
  readonly handle: number
}
export interface Given {
  readonly rv: number
  readonly bytes: Buffer
}

export interface Place {
  readonly slot: number
  readonly pin: string
  /** Of the security officer: only where it was given. */
  readonly soPin?: string | undefined
}

/** What lies behind the room given to a call. */
const CANARY = 0xa5
const CANARIES = 16

export class Device {
  readonly module: Module
  readonly slot: number
  readonly mechanisms: ReadonlyMap<number, { readonly min: number; readonly max: number; readonly flags: number }>
  /** Of everything a check stores: nothing else in the token is ever touched. */
  readonly label = `strongroom-conformance-${randomBytes(6).toString('hex')}`
  private readonly place: Place
  private readonly sessions: number[] = []

  constructor(module: Module, place: Place) {
    this.module = module
    this.place = place
    this.slot = place.slot
    this.mechanisms = mechanismsOf(module, place.slot)
  }

  get pin(): string {
    return this.place.pin
  }

  /** The PIN of the security officer; who needs it where it was not given, is inapplicable. */
  get soPin(): string {
    return this.place.soPin ?? this.skip('the PIN of the security officer was not given')
  }

  // Saying what has to hold ------------------------------------------------------------------------

  /** Throws a Finding unless `rv` is one of these. */
  expect(rv: number, ...wanted: readonly ReturnValue[]): void {
    if (wanted.some((name) => CKR[name] === rv)) return
    throw new Finding(wanted.map((name) => `CKR_${name}`).join(' or '), nameOf(CKR, 'CKR', rv))
  }

  /** Throws a Finding unless `holds`. */
  require(holds: boolean, expected: string, observed: string): void {
    if (!holds) throw new Finding(expected, observed)
  }

  /** Throws what says that this cannot be told here. */
  skip(why: string): never {
    throw new Inapplicable(why)
  }

  /** Whether the token announces a mechanism, for this use if one is named. */
  announces(type: number, flag?: keyof typeof CKF): boolean {
    const found = this.mechanisms.get(type)
    return found !== undefined && (flag === undefined || (found.flags & CKF[flag]) !== 0)
  }

  // Sessions ---------------------------------------------------------------------------------------

  call(name: FunctionName, ...args: readonly Argument[]): number {
    return this.module.call(name, ...args)
  }

  open(flags: number = CKF.SERIAL_SESSION | CKF.RW_SESSION): Handled {
    const place = word()
    const rv = this.call('C_OpenSession', this.slot, flags, null, null, place)
    const handle = wordIn(place)
    if (rv === CKR.OK) this.sessions.push(handle)
    return { rv, handle }
  }

  /** A session whose user is logged in; closed when the check is over. */
  session(flags?: number): number {
    const { rv, handle } = this.open(flags)
    this.expect(rv, 'OK')
    this.expect(this.login(handle), 'OK', 'USER_ALREADY_LOGGED_IN')
    return handle
  }

  login(session: number, text: string = this.place.pin, user: keyof typeof CKU = 'USER'): number {
    return this.call('C_Login', session, CKU[user], pin(text), Buffer.byteLength(text))
  }

  /** What is left open is closed, and what was stored under our label removed: after each check, whatever it came to. */
  tidy(): void {
    this.sweep()
    for (const session of this.sessions.splice(0)) this.call('C_CloseSession', session)
    this.call('C_CloseAllSessions', this.slot)
  }

  private sweep(): void {
    const { rv, handle } = this.open()
    if (rv !== CKR.OK) return
    this.login(handle)
    for (const each of this.find(handle, [{ type: 'LABEL', value: this.label }]))
      this.call('C_DestroyObject', handle, each)
  }

  // Objects ----------------------------------------------------------------------------------------

  create(session: number, attributes: Template): Handled {
    const place = word()
    const rv = this.call('C_CreateObject', session, template(attributes), attributes.length, place)
    return { rv, handle: wordIn(place) }
  }

  copy(session: number, object: number, attributes: Template): Handled {
    const place = word()
    const rv = this.call('C_CopyObject', session, object, template(attributes), attributes.length, place)
    return { rv, handle: wordIn(place) }
  }

  find(session: number, attributes: Template, most = 1000): number[] {
    if (this.call('C_FindObjectsInit', session, template(attributes), attributes.length) !== CKR.OK) return []
    const found = Buffer.alloc(most * WORD)
    const count = word()
    const rv = this.call('C_FindObjects', session, found, most, count)
    this.call('C_FindObjectsFinal', session)
    return rv === CKR.OK ? Array.from({ length: wordIn(count) }, (_, i) => wordIn(found, i * WORD)) : []
  }

  /** One attribute. */
  get(session: number, object: number, type: keyof typeof CKA): Given {
    const size = attribute(type, null)
    const rv = this.call('C_GetAttributeValue', session, object, size, 1)
    const length = wordIn(size, 2 * WORD)
    if (rv !== CKR.OK || length < 0) return { rv, bytes: Buffer.alloc(0) }
    const bytes = Buffer.alloc(length)
    const again = attribute(type, bytes)
    return { rv: this.call('C_GetAttributeValue', session, object, again, 1), bytes }
  }

  set(session: number, object: number, attributes: Template): number {
    return this.call('C_SetAttributeValue', session, object, template(attributes), attributes.length)
  }

  generate(session: number, how: Mechanism, attributes: Template): Handled {
    const place = word()
    const rv = this.call('C_GenerateKey', session, mechanism(how), template(attributes), attributes.length, place)
    return { rv, handle: wordIn(place) }
  }

  generatePair(
    session: number,
    how: Mechanism,
    open: Template,
    own: Template,
  ): { readonly rv: number; readonly publicKey: number; readonly privateKey: number } {
    const [one, two] = [word(), word()]
    const args = [mechanism(how), template(open), open.length, template(own), own.length, one, two] as const
    const rv = this.call('C_GenerateKeyPair', session, ...args)
    return { rv, publicKey: wordIn(one), privateKey: wordIn(two) }
  }

  // Cryptography -----------------------------------------------------------------------------------

  encrypt(session: number, how: Mechanism, key: number, data: Buffer, room = data.length + 512): Given {
    const rv = this.call('C_EncryptInit', session, mechanism(how), key)
    return rv === CKR.OK ? this.through('C_Encrypt', session, data, room) : { rv, bytes: Buffer.alloc(0) }
  }

  decrypt(session: number, how: Mechanism, key: number, data: Buffer, room = data.length + 512): Given {
    const rv = this.call('C_DecryptInit', session, mechanism(how), key)
    return rv === CKR.OK ? this.through('C_Decrypt', session, data, room) : { rv, bytes: Buffer.alloc(0) }
  }

  sign(session: number, how: Mechanism, key: number, data: Buffer, room = 8192): Given {
    const rv = this.call('C_SignInit', session, mechanism(how), key)
    return rv === CKR.OK ? this.through('C_Sign', session, data, room) : { rv, bytes: Buffer.alloc(0) }
  }

  verify(session: number, how: Mechanism, key: number, data: Buffer, signature: Buffer): number {
    const rv = this.call('C_VerifyInit', session, mechanism(how), key)
    return rv === CKR.OK ? this.call('C_Verify', session, data, data.length, signature, signature.length) : rv
  }

  digest(session: number, how: Mechanism, data: Buffer): Given {
    const rv = this.call('C_DigestInit', session, mechanism(how))
    return rv === CKR.OK ? this.through('C_Digest', session, data, 128) : { rv, bytes: Buffer.alloc(0) }
  }

  wrap(session: number, how: Mechanism, wrapping: number, key: number, room = 8192): Given {
    return this.written(room, (out, length) => {
      return this.call('C_WrapKey', session, mechanism(how), wrapping, key, out, length)
    })
  }

  unwrap(session: number, how: Mechanism, unwrapping: number, wrapped: Buffer, attributes: Template): Handled {
    const place = word()
    const args = [wrapped, wrapped.length, template(attributes), attributes.length, place] as const
    const rv = this.call('C_UnwrapKey', session, mechanism(how), unwrapping, ...args)
    return { rv, handle: wordIn(place) }
  }

  derive(session: number, how: Mechanism, base: number, attributes: Template): Handled {
    const place = word()
    const args = [mechanism(how), base, template(attributes), attributes.length, place] as const
    return { rv: this.call('C_DeriveKey', session, ...args), handle: wordIn(place) }
  }

  encapsulate(session: number, how: Mechanism, key: number, attributes: Template): Given & Handled {
    const place = word()
    const given = this.written(2048, (out, length) => {
      const args = [mechanism(how), key, template(attributes), attributes.length, out, length, place] as const
      return this.call('C_EncapsulateKey', session, ...args)
    })
    return { ...given, handle: wordIn(place) }
  }

  decapsulate(session: number, how: Mechanism, key: number, sealed: Buffer, attributes: Template): Handled {
    const place = word()
    const args = [mechanism(how), key, template(attributes), attributes.length, sealed, sealed.length, place] as const
    return { rv: this.call('C_DecapsulateKey', session, ...args), handle: wordIn(place) }
  }

  random(session: number, length: number): Given {
    const bytes = Buffer.alloc(length)
    return { rv: this.call('C_GenerateRandom', session, bytes, length), bytes }
  }

  private through(
    name: 'C_Encrypt' | 'C_Decrypt' | 'C_Sign' | 'C_Digest',
    session: number,
    data: Buffer,
    room: number,
  ): Given {
    return this.written(room, (out, length) => this.call(name, session, data, data.length, out, length))
  }

  /** What `act` has written into so much room; throws a Finding where it wrote on behind it. */
  private written(room: number, act: (out: Buffer, length: Buffer) => number): Given {
    const [all, length] = [Buffer.alloc(room + CANARIES, CANARY), word(room)]
    const out = all.subarray(0, room)
    const rv = act(out, length)
    const isSpilt = all.subarray(room).some((byte) => byte !== CANARY)
    this.require(!isSpilt, 'nothing behind the room given', 'bytes behind it')
    return { rv, bytes: rv === CKR.OK ? out.subarray(0, wordIn(length)) : Buffer.alloc(0) }
  }
}

/** A CK_ATTRIBUTE that is asked for: its value goes to `place`, and its length only is wanted where there is none. */
function attribute(type: keyof typeof CKA, place: Buffer | null): Buffer {
  const bytes = structure(CKA[type], place, place?.length ?? 0)
  return named(bytes, () => `{${nameOf(CKA, 'CKA', type)}[${wordIn(bytes, 2 * WORD)}]}`)
}

function mechanismsOf(module: Module, slot: number): Device['mechanisms'] {
  const count = word()
  if (module.call('C_GetMechanismList', slot, null, count) !== CKR.OK) return new Map()
  const list = Buffer.alloc(wordIn(count) * WORD)
  module.call('C_GetMechanismList', slot, list, count)
  const types = Array.from({ length: wordIn(count) }, (_, i) => wordIn(list, i * WORD))
  return new Map(
    types.map((type) => {
      const info = Buffer.alloc(3 * WORD)
      module.call('C_GetMechanismInfo', slot, type, info)
      return [type, { min: wordIn(info), max: wordIn(info, WORD), flags: wordIn(info, 2 * WORD) }]
    }),
  )
}
