/** Envelopes opened by the world outside: `openssl cms -decrypt`. */
import { execFileSync } from 'node:child_process'
import { type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export function openEnvelope(envelope: Uint8Array, privateKey: KeyObject): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-envelope-'))
  try {
    const key = join(folder, 'key.pem')
    writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
    return execFileSync('openssl', ['cms', '-decrypt', '-binary', '-inform', 'DER', '-inkey', key], {
      input: envelope,
      stdio: 'pipe',
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}
