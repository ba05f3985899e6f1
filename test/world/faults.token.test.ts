/** Faults of a token: its sessions are lost under the room's feet, and the room goes on; what it does wrong is an error of AWS's. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { pkcs11, Strongroom, type Pkcs11Options } from '../../src/index.ts'
import { bytes, refuses } from '../helpers/scene.ts'
import { softTokens } from '../helpers/softhsm.ts'

const { one } = softTokens('one')
const Plaintext = bytes('attack at dawn')

async function opened(t: ExecutionContext, options: Pkcs11Options): Promise<Strongroom> {
  const data = mkdtempSync(join(tmpdir(), 'strongroom-faults-'))
  const room = await Strongroom.open({ data, backend: pkcs11(options), audit: 'off' })
  t.teardown(async () => {
    await room.close()
    rmSync(data, { recursive: true, force: true })
  })
  return room
}

const isFoundAgain = test.macro({
  title: (_, options: Pkcs11Options) =>
    `a token that loses its sessions is found again${options.isolate ? ', in a process of its own' : ''}`,
  async exec(t, options: Pkcs11Options) {
    const room = await opened(t, options)
    const { KeyId } = (await room.createKey()).KeyMetadata!
    const { KeyId: pair } = (await room.createKey({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' })).KeyMetadata!
    const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext })
    const signing = { KeyId: pair, Message: Plaintext, SigningAlgorithm: 'RSASSA_PSS_SHA_256' } as const
    const onTheSpot = () => room.decrypt({ CiphertextBlob })
    const inAThread = () => room.sign(signing)
    const several = () => Promise.all([inAThread(), onTheSpot(), inAThread(), inAThread()])
    const works = [onTheSpot, inAThread, inAThread, onTheSpot, several, several]
    for (const [number, work] of works.entries()) {
      const fault = room.faults.add({ backend: 'hsm', forget: true, times: 1 })
      await t.notThrowsAsync(work(), `work ${number}`)
      t.is(fault.hits, 1)
    }
    t.deepEqual(Buffer.from((await onTheSpot()).Plaintext!), Buffer.from(Plaintext))
    const { Signature } = await inAThread()
    t.true((await room.verify({ ...signing, Signature: Signature! })).SignatureValid)
  },
})

test(isFoundAgain, one)
test(isFoundAgain, { ...one, isolate: true })

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
