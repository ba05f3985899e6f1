/** A PKCS#11 module loaded into this process: one owner of its beginning and its end, however many ask for it. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { realpathSync } from 'node:fs'
import type * as Graphene from 'graphene-pk11'
import { ckrOf, TokenError } from './faults.ts'
import { CKF_OS_LOCKING_OK } from './numbers.ts'

/** The module's own functions, which graphene wraps: the hot path does without the objects around them. */
export type Cryptoki = ConstructorParameters<typeof Graphene.Module>[0]

export type Handle = Buffer

export type TokenInfo = ReturnType<Cryptoki['C_GetTokenInfo']>
export type Template = Parameters<Cryptoki['C_CreateObject']>[1]
export type Mechanism = Parameters<Cryptoki['C_EncryptInit']>[1]

/** Modules by the file they came from: a library is loaded once in a process, and initialised once. */
const loaded = new Map<string, Library>()

export class Library {
  readonly cryptoki: Cryptoki
  readonly path: string
  private users = 0
  /** Whoever initialised a module ends it; what another thread or another package began is theirs to end. */
  private ours = false
  /** What slots were logged in to with, so that it can be told from another PIN and from nothing else. */
  private readonly pins = new Map<string, Buffer>()

  constructor(path: string, cryptoki: Cryptoki) {
    this.path = path
    this.cryptoki = cryptoki
  }

  /** The library at `path`, ready. Throws TokenError: DriverMissing, ModuleMissing, ModuleFailed. */
  static async open(path: string): Promise<Library> {
    const { Module: module } = await driver()
    const file = realPath(path)
    const library = loaded.get(file) ?? load(module, file)
    loaded.set(file, library)
    library.initialise()
    library.users++
    return library
  }

  /** Does nothing to a module that is ready. */
  initialise(): void {
    try {
      // Verbs of several sessions run on several threads.
      this.cryptoki.C_Initialize({ flags: CKF_OS_LOCKING_OK })
      this.ours = true
    } catch (cause) {
      if (ckrOf(cause) === 'CKR_CRYPTOKI_ALREADY_INITIALIZED') return
      throw new TokenError('ModuleFailed', `the PKCS#11 module ${this.path} did not start: ${ckrOf(cause)}`, { cause })
    }
  }

  /** The token in `slot` took this PIN. */
  admitted(slot: Handle, pin: string): void {
    this.pins.set(slot.toString('hex'), digestOf(pin))
  }

  /** Whether the token in `slot` took another PIN than this; of what others logged in with, nothing is known. */
  isOther(slot: Handle, pin: string): boolean {
    const known = this.pins.get(slot.toString('hex'))
    return known !== undefined && !timingSafeEqual(known, digestOf(pin))
  }

  /** The file stays loaded: modules are known to crash when they are taken out of a process. */
  close(): void {
    if (--this.users > 0) return
    if (!this.ours) return
    this.ours = false
    try {
      if (!this.isInUse()) this.cryptoki.C_Finalize()
    } catch (error) {
      if (ckrOf(error) !== 'CKR_CRYPTOKI_NOT_INITIALIZED') throw error
    }
  }

  /** Whether another thread of this process has sessions still: it would lose them, in the middle of a call perhaps. */
  private isInUse(): boolean {
    return this.cryptoki.C_GetSlotList(true).some((slot) => this.cryptoki.C_GetTokenInfo(slot).sessionCount !== 0)
  }
}

const SALT = randomBytes(32)

function digestOf(pin: string): Buffer {
  return createHmac('sha256', SALT).update(pin).digest()
}

/** graphene-pk11 is optional: it is compiled when it is installed, which needs a compiler. */
async function driver(): Promise<typeof Graphene> {
  try {
    return await import('graphene-pk11')
  } catch (cause) {
    throw new TokenError(
      'DriverMissing',
      'keys in a PKCS#11 token need the package graphene-pk11, which is not installed here: npm install graphene-pk11 ' +
        '(its part pkcs11js is compiled, which takes a C++ compiler, make and Python)',
      { cause },
    )
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch (cause) {
    throw new TokenError('ModuleMissing', `there is no PKCS#11 module at ${path}`, { cause })
  }
}

function load(module: typeof Graphene.Module, path: string): Library {
  try {
    return new Library(path, cryptokiIn(module.load(path)))
  } catch (cause) {
    throw new TokenError('ModuleFailed', `${path} is no PKCS#11 module that can be loaded: ${ckrOf(cause)}`, { cause })
  }
}

/** Where graphene keeps what it wraps. */
function cryptokiIn(module: Graphene.Module): Cryptoki {
  return (module as unknown as { readonly lib: Cryptoki }).lib
}
