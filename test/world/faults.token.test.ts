/** Faults of a token: its sessions are lost under the room's feet, and the room goes on; what it does wrong is an error of AWS's. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { BackendSource } from '../../src/backends/backend.ts'
import { located } from '../../src/backends/pkcs11/choice.ts'
import { Library } from '../../src/backends/pkcs11/cryptoki.ts'
import { pkcs11, Strongroom } from '../../src/index.ts'
import { bytes, refuses } from '../helpers/scene.ts'
import { softTokens } from '../helpers/softhsm.ts'

const { one } = softTokens('one')
const Plaintext = bytes('attack at dawn')

/** The token, which can be made to close all sessions that the process has with it: what is logged in is then logged out. */
const forgetful: BackendSource = {
  name: 'pkcs11',
  async open() {
    const opened = await pkcs11(one).open()
    const { cryptoki } = await Library.open(located(one).module)
    const forget = () => {
      for (const slot of cryptoki.C_GetSlotList(true)) cryptoki.C_CloseAllSessions(slot)
    }
    return { ...opened, backend: { ...opened.backend, forget } }
  },
}

test('a token that loses its sessions is found again', async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'strongroom-faults-'))
  const room = await Strongroom.open({ data, backend: forgetful, audit: 'off' })
  t.teardown(async () => {
    await room.close()
    rmSync(data, { recursive: true, force: true })
  })
  const { KeyId } = (await room.createKey()).KeyMetadata!
  const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext })
  const fault = room.faults.add({ backend: 'hsm', forget: true, times: 2 })
  t.deepEqual(Buffer.from((await room.decrypt({ CiphertextBlob })).Plaintext!), Buffer.from(Plaintext))
  await t.notThrowsAsync(room.generateRandom({ NumberOfBytes: 8 }))
  t.is(fault.hits, 2)
  await t.notThrowsAsync(room.encrypt({ KeyId, Plaintext }))
})

test('a wrong answer of a token is no ciphertext, and the next is sound', async (t) => {
  const room = await Strongroom.open({ backend: pkcs11(one), audit: 'off' })
  t.teardown(() => room.close())
  const { KeyId } = (await room.createKey()).KeyMetadata!
  room.faults.add({ backend: 'hsm', wrong: true, times: 1 })
  const { CiphertextBlob: wrong } = await room.encrypt({ KeyId, Plaintext })
  await refuses(t, room.decrypt({ CiphertextBlob: wrong }), 'InvalidCiphertextException')
  const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext })
  await t.notThrowsAsync(room.decrypt({ CiphertextBlob }))
})
