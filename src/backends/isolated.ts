/** A token whose module runs in a process of its own, so that a module that crashes or hangs takes nothing with it. */
import { KmsError } from '../errors.ts'
import type { Material } from '../keys.ts'
import type { Backend, Cipher, OpenedBackend } from './backend.ts'
import type {} from './isolated/child.ts'
import { Supervisor, type Patience } from './isolated/supervisor.ts'
import { VERBS } from './isolated/wire.ts'
import { TokenError } from './pkcs11/faults.ts'

export type Isolated<P> = OpenedBackend & { readonly profile: P; readonly supervisor: Supervisor }

/** Long enough for the slowest key. */
const PATIENCE: Patience = { deadline: 30_000, backOff: 100 }

/**
 * The token that the module at the URL `opener` opens with these options. A child that is started later is told what the first
 * one found out, and need not find it out again.
 */
export async function openIsolated<P>(
  opener: string,
  options: object,
  patience: Patience = PATIENCE,
): Promise<Isolated<P>> {
  const known: { profile?: P } = {}
  const supervisor = new Supervisor(() => ({ opener, options: { ...plain(options), ...known } }), patience)
  const { abilities, identity, profile: found } = await supervisor.open()
  const profile = (known.profile = found as P)
  return { backend: isolatedBackend(supervisor), abilities, identity, profile, supervisor }
}

/** What gives the PIN stays here: what it gives goes over the channel. */
function plain(options: object): object {
  const { pin } = options as { readonly pin?: string | (() => string) }
  return typeof pin === 'function' ? { ...options, pin: pin() } : options
}

type Verbs = Record<string, (...given: readonly unknown[]) => Promise<unknown>>

function isolatedBackend(supervisor: Supervisor): Backend {
  const parts = Object.entries(VERBS).map(([part, verbs]) => [part, passedOn(supervisor, part, verbs)] as const)
  const { '': own, cipher, ...others } = Object.fromEntries(parts)
  return {
    ...own,
    ...others,
    cipher: { ...cipher, ...written(cipher as unknown as Cipher) },
    release({ token }: Material) {
      if (token) supervisor.mention({ release: token })
    },
    forget: () => supervisor.mention({ forget: true }),
    close: () => supervisor.close(),
  } as unknown as Backend
}

function passedOn(supervisor: Supervisor, part: string, verbs: readonly string[]): Verbs {
  return Object.fromEntries(
    verbs.map((verb) => [
      verb,
      async (...given) => {
        try {
          return await supervisor.ask({ part, verb, given })
        } catch (error) {
          if (!(error instanceof TokenError)) throw error
          throw new KmsError('KMSInternalException', 'the HSM refused', { cause: error })
        }
      },
    ]),
  )
}

/** The other process cannot write into memory of this one. */
function written({ seal, open }: Cipher): Pick<Cipher, 'sealInto' | 'openInto'> {
  async function into(out: Uint8Array, made: Promise<Uint8Array> | Uint8Array): Promise<number> {
    const bytes = await made
    out.set(bytes)
    return bytes.length
  }
  return {
    sealInto: (material, plaintext, context, out) => into(out, seal(material, plaintext, context)),
    openInto: (material, blob, context, out) => into(out, open(material, blob, context)),
  }
}
