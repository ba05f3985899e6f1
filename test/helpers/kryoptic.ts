/** A token of Kryoptic for a test file, in a folder of its own: the modern one, which `npm test` builds. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import graphene from 'graphene-pk11'
import type { Cryptoki } from '../../src/backends/pkcs11/cryptoki.ts'

export interface KryopticToken {
  readonly module: string
  readonly tokenLabel: string
  readonly pin: string
  readonly soPin: string
  /** Where its objects are, and what a process has to have in its environment to find them. */
  readonly folder: string
  readonly env: Readonly<Record<'KRYOPTIC_CONF', string>>
}

const PIN = '271828'
const SO_PIN = '31415926'
const MODULE = fileURLToPath(new URL('../../target/tokens/libkryoptic_pkcs11.so', import.meta.url))

/**
 * Makes a folder, a configuration that this process uses from now on, and a token in it for each label, in a slot and a
 * database of its own. A process has one such folder, because the module reads its configuration once.
 */
export function kryopticTokens<L extends string>(...labels: readonly L[]): Record<L, KryopticToken> {
  if (!existsSync(MODULE)) throw new Error(`Kryoptic is missing: tests use it, and npm test builds ${MODULE}`)
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-kryoptic-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const conf = join(folder, 'token.conf')
  const slots = labels.map(
    (label, slot) => `[[slots]]\nslot = ${slot}\ndbtype = "sqlite"\ndbargs = "${join(folder, `${label}.sql`)}"\n`,
  )
  writeFileSync(conf, slots.join('\n'))
  process.env.KRYOPTIC_CONF = conf
  initialise(labels)
  const made = labels.map((tokenLabel) => {
    const token: KryopticToken = {
      ...{ module: MODULE, tokenLabel, pin: PIN, soPin: SO_PIN, folder },
      env: { KRYOPTIC_CONF: conf },
    }
    return [tokenLabel, token] as const
  })
  return Object.fromEntries(made) as Record<L, KryopticToken>
}

/** What `softhsm2-util --init-token` does, by the module's own verbs: Kryoptic has no such program. */
function initialise(labels: readonly string[]): void {
  const { lib } = graphene.Module.load(MODULE) as unknown as { readonly lib: Cryptoki }
  lib.C_Initialize()
  const slots = lib.C_GetSlotList(false)
  for (const [i, label] of labels.entries()) {
    // The module reads 32 bytes, whatever the driver was given.
    lib.C_InitToken(slots[i]!, SO_PIN, label.padEnd(32))
    const session = lib.C_OpenSession(slots[i]!, SERIAL | WRITES)
    lib.C_Login(session, SECURITY_OFFICER, SO_PIN)
    lib.C_InitPIN(session, PIN)
    lib.C_Logout(session)
    lib.C_CloseSession(session)
  }
  lib.C_Finalize()
}

const SERIAL = 0x4
const WRITES = 0x2
const SECURITY_OFFICER = 0
