/** A strongroom whose external key store is another strongroom's proxy: over the HSM of its own, and over a token of SoftHSM2. */
import test from 'ava'
import { Strongroom, pkcs11, xksProxy, type BackendSource } from '../../src/index.ts'
import { softTokens } from '../helpers/softhsm.ts'
import { bytes, refuses } from '../helpers/scene.ts'
import { ACCESS_KEY, connected, folder, make, proxy, SECRET, settled } from '../helpers/stores.ts'

const { ekm } = softTokens('ekm')
const Plaintext = bytes('attack at dawn')
const EncryptionContext = { to: 'bob' }

const BEHIND: readonly (readonly [what: string, backend?: BackendSource])[] = [
  ['its own HSM'],
  ['a token of SoftHSM2', pkcs11({ module: ekm.module, tokenLabel: ekm.tokenLabel, pin: ekm.pin })],
]

for (const [what, backend] of BEHIND) {
  test.serial(`keys in two places, the other being a proxy over ${what}`, async (t) => {
    const other = await xksProxy({
      ...{ data: folder(t), backend },
      credentials: [{ accessKeyId: ACCESS_KEY, secretAccessKey: SECRET }],
      keys: [
        { id: 'one', create: true },
        { id: 'blind', create: true, usage: ['DECRYPT'] },
      ],
    })
    const { url } = await other.listen({ port: 0 })
    const room = await Strongroom.open({ xks: { endpoints: { 'https://xks.example.com': url }, timeoutMillis: 5000 } })
    t.teardown(async () => {
      await room.close()
      await other.close()
    })
    const CustomKeyStoreId = await connected(room, proxy('a'))
    const create = (XksKeyId: string) => room.createKey({ CustomKeyStoreId, Origin: 'EXTERNAL_KEY_STORE', XksKeyId })
    await refuses(t, create('nobody'), 'XksKeyNotFoundException')
    await refuses(t, create('blind'), 'XksKeyInvalidConfigurationException')
    const { KeyId } = (await create('one')).KeyMetadata!
    const most = bytes('x'.repeat(4096))
    for (const plaintext of [Plaintext, most]) {
      const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext: plaintext, EncryptionContext })
      const opened = await room.decrypt({ CiphertextBlob: CiphertextBlob!, EncryptionContext })
      t.deepEqual(Buffer.from(opened.Plaintext!), Buffer.from(plaintext))
      await refuses(t, room.decrypt({ CiphertextBlob: CiphertextBlob! }), 'KMSInvalidStateException', /is corrupted/)
      const changed = Uint8Array.from(CiphertextBlob!)
      changed[changed.length - 1]! ^= 1
      const damaged = room.decrypt({ CiphertextBlob: changed, EncryptionContext })
      await refuses(t, damaged, 'KMSInvalidStateException', /corrupted/)
    }
    const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext })
    await room.disconnectCustomKeyStore({ CustomKeyStoreId })
    await refuses(t, room.decrypt({ CiphertextBlob: CiphertextBlob! }), 'KMSInvalidStateException', /not connected/)
    await room.connectCustomKeyStore({ CustomKeyStoreId })
    t.deepEqual(await settled(room, CustomKeyStoreId), ['CONNECTED', undefined])
    t.deepEqual(
      Buffer.from((await room.decrypt({ CiphertextBlob: CiphertextBlob! })).Plaintext!),
      Buffer.from(Plaintext),
    )

    const credential = { AccessKeyId: ACCESS_KEY, RawSecretAccessKey: 'b'.repeat(43) }
    const wrong = proxy('b', { XksProxyUriPath: '/x/kms/xks/v1', XksProxyAuthenticationCredential: credential })
    await refuses(t, make(room, wrong), 'XksProxyIncorrectAuthenticationCredentialException')
    const lost = proxy('c', { XksProxyUriPath: '/x/kms/xks/v1' })
    await refuses(t, make(room, lost), 'XksProxyInvalidConfigurationException')
  })
}
