/**
 * A PKCS#11 module, called as the standard has it: any function, any argument, wrong ones too. Each call is traced. Whoever calls
 * a module so can be brought down by it, and belongs in a process of its own.
 */
import { V2_40, V3_0, V3_2, type FunctionName } from './functions.ts'
import { describe, koffi, nameOf, named, type Pointer, WORD, word, wordIn } from './memory.ts'
import { CKR } from './numbers.ts'

/** One call, as it is told in a report. */
export interface Traced {
  readonly call: string
  /** What was written to during the call is told as it was and as it is: `*512 → *28`. */
  args: readonly string[]
  /** The return value by its name; undefined while the call is under way, and for ever when it never came back. */
  rv: string | undefined
}

export type Argument = number | bigint | Pointer

/** A function that is not in the module's list. */
export const MISSING = CKR.FUNCTION_NOT_SUPPORTED

const KINDS = { u: 'unsigned long', b: 'uint8_t', p: 'void *' } as const

/** A library that nobody holds any more is unloaded, and functions that were taken from its lists do not hold it. */
const LOADED: unknown[] = []

interface Entry {
  (...args: readonly Argument[]): number | bigint
  async(...args: readonly (Argument | ((error: unknown, rv: number | bigint) => void))[]): void
}

export class Module {
  readonly path: string
  /** The version of the standard that the module's best list of functions is of. */
  readonly version: { readonly major: number; readonly minor: number }
  /** Told of each call before it is made, and of the same again when it came back. */
  onCall: ((traced: Traced) => void) | undefined
  private readonly entries = new Map<FunctionName, Entry>()

  /** Throws what the dynamic loader says when `path` is no module. */
  constructor(path: string) {
    this.path = path
    const library = koffi.load(path)
    LOADED.push(library)
    const list = (name: string): bigint => {
      const place = word()
      const rv = library.func(name, 'unsigned long', ['void *'])(place) as number
      if (rv !== CKR.OK) throw new Error(`${name} answered ${nameOf(CKR, 'CKR', rv)}`)
      return place.readBigUInt64LE()
    }
    this.version = this.take(list('C_GetFunctionList'), V2_40)
    if (!exports(library)) return
    // An interface is a name, a list and flags; those of 3.x have the earlier functions first.
    const count = word()
    if (this.raw(library, 'C_GetInterfaceList', null, count) !== CKR.OK) return
    const interfaces = Buffer.alloc(wordIn(count) * 3 * WORD)
    if (this.raw(library, 'C_GetInterfaceList', interfaces, count) !== CKR.OK) return
    for (let at = 0; at < interfaces.length; at += 3 * WORD) {
      const name = koffi.decode(interfaces.readBigUInt64LE(at), 'char', 8) as unknown as string
      const functions = interfaces.readBigUInt64LE(at + WORD)
      const [major, minor] = koffi.decode(functions, 'uint8_t', 2) as Uint8Array as unknown as [number, number]
      if (!name.startsWith('PKCS 11') || major < 3) continue
      const all = { ...V2_40, ...V3_0, ...(minor >= 2 ? V3_2 : {}) }
      if (major * 100 + minor > this.version.major * 100 + this.version.minor) this.version = this.take(functions, all)
    }
  }

  has(name: FunctionName): boolean {
    return this.entries.has(name)
  }

  /** Calls a function; its return value. Pointers are buffers, which must be large enough for what is written there. */
  call(name: FunctionName, ...args: readonly Argument[]): number {
    const entry = this.entries.get(name)
    if (!entry) return MISSING
    // Telling takes longer than many a call: where nobody listens, nothing is told.
    if (!this.onCall) return Number(entry(...args))
    const traced = this.begin(name, args)
    return this.end(traced, args, entry(...args))
  }

  /** The same in a thread of its own. */
  callAside(name: FunctionName, ...args: readonly Argument[]): Promise<number> {
    const entry = this.entries.get(name)
    if (!entry) return Promise.resolve(MISSING)
    const traced = this.begin(name, args)
    return new Promise((resolve, reject) => {
      entry.async(...args, (error, rv) => {
        if (error) reject(new Error(`${name} could not be called`, { cause: error }))
        else resolve(this.end(traced, args, rv))
      })
    })
  }

  private begin(call: FunctionName, args: readonly Argument[]): Traced {
    const traced: Traced = { call, args: args.map(told), rv: undefined }
    this.onCall?.(traced)
    return traced
  }

  private end(traced: Traced, args: readonly Argument[], rv: number | bigint): number {
    traced.args = traced.args.map((before, i) => {
      const after = told(args[i]!)
      return before === after ? before : `${before} → ${after}`
    })
    traced.rv = nameOf(CKR, 'CKR', Number(rv))
    this.onCall?.(traced)
    return Number(rv)
  }

  private take(list: bigint, functions: Readonly<Record<string, string>>): { major: number; minor: number } {
    const names = Object.keys(functions)
    const bytes = Buffer.from(koffi.decode(list, 'uint8_t', (names.length + 1) * WORD) as unknown as Uint8Array)
    names.forEach((name, i) => {
      const address = bytes.readBigUInt64LE((i + 1) * WORD)
      if (address === 0n) return
      const kinds = functions[name]!.split('').map((kind) => KINDS[kind as keyof typeof KINDS])
      const type = koffi.proto('unsigned long', kinds)
      this.entries.set(name as FunctionName, koffi.decode(address, type) as Entry)
    })
    return { major: bytes[0]!, minor: bytes[1]! }
  }

  private raw(library: ReturnType<typeof koffi.load>, name: string, ...args: readonly Pointer[]): number {
    return library.func(name, 'unsigned long', ['void *', 'void *'])(...args) as number
  }
}

/** Whether a library is of version 3.0 or later. */
function exports(library: ReturnType<typeof koffi.load>): boolean {
  try {
    library.func('C_GetInterfaceList', 'unsigned long', ['void *', 'void *'])
    return true
  } catch {
    return false
  }
}

function told(arg: Argument): string {
  return arg === null ? 'NULL' : typeof arg === 'object' ? describe(arg) : String(arg)
}

/** A text as C_Login wants it. */
export function pin(text: string): Buffer {
  return named(Buffer.from(text), 'the PIN')
}
