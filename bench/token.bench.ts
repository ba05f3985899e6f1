/** Encrypt 1 KiB under a key of SoftHSM2: what does a whole KMS cost, beside a bare loop of graphene on the same key? */
import { randomBytes } from 'node:crypto'
import graphene from 'graphene-pk11'
import { pkcs11, Strongroom } from '../src/index.ts'
import { materialOf } from '../test/backends/contract/workbench.ts'
import { softTokens } from '../test/helpers/softhsm.ts'
import { asyncRung, keep, ladder, rung } from './ladder.ts'

const { bench: token } = softTokens('bench')
const Plaintext = randomBytes(1024)
const context = { tenant: 'clinic-7', purpose: 'patient-record' }
const aad = Buffer.from(JSON.stringify(context))

const room = await Strongroom.open({ memory: true, deviceRate: 1e9, backend: pkcs11(token) })
const { KeyMetadata } = await room.createKey({})
const KeyId = KeyMetadata!.Arn!
const { backend } = await pkcs11(token).open()
const material = materialOf((await backend.create('AES_256', 3)).token)
const isolated = (await pkcs11({ ...token, isolate: true }).open()).backend

const bare = bareLoop()
const suites = {
  'Encrypt 1 KiB, a stored key of SoftHSM2': await ladder('Encrypt 1 KiB, a stored key of SoftHSM2', [
    rung('graphene, a bare loop', bare, 20),
    asyncRung('room.encrypt', () => room.encrypt({ KeyId, Plaintext, EncryptionContext: context }), 20),
    rung('backend', () => backend.cipher.seal(material, Plaintext, context), 20),
    asyncRung('backend, isolated', async () => isolated.cipher.seal(material, Plaintext, context), 20),
  ]),
}
keep('token', suites)
await isolated.close()
await backend.close()
await room.close()

/** The room's own key, found by its label, as somebody would use it who writes no more than is needed. */
function bareLoop(): () => void {
  const module = graphene.Module.load(token.module)
  const slots = module.getSlots(true)
  const slot = [...Array(slots.length).keys()]
    .map((i) => slots.items(i))
    .find((each) => each.getToken().label.trim() === 'bench')!
  const session = slot.open(graphene.SessionFlag.SERIAL_SESSION | graphene.SessionFlag.RW_SESSION)
  const label = 'strongroom AES_256'
  const key = session.find({ label, class: graphene.ObjectClass.SECRET_KEY }).items(0).toType<graphene.SecretKey>()
  const out = Buffer.alloc(Plaintext.length + 16)
  return () => {
    const params = new graphene.AesGcm240Params(randomBytes(12), aad, 128)
    session.createCipher({ name: 'AES_GCM', params }, key).once(Plaintext, out)
  }
}
