/** The AWS SDK walks through both types of custom key stores, over HTTP. */
import * as sdk from '@aws-sdk/client-kms'
import test from 'ava'
import { cluster, proxy, stores } from '../helpers/stores.ts'

const WALKS = [
  ['AWS_CLOUDHSM', cluster('a'), {}],
  ['EXTERNAL_KEY_STORE', proxy('a'), { XksKeyId: 'k1' }],
] as const

for (const [Origin, input, more] of WALKS) {
  test(`a store of type ${Origin}: created, connected, used, disconnected, and refused`, async (t) => {
    // The SDK signs with the time of the machine.
    const { room } = await stores(t, { now: () => new Date() })
    const { url } = await room.listen({ port: 0 })
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
    const kms = new sdk.KMSClient({ region: 'us-east-1', endpoint: url, credentials, maxAttempts: 1 })
    t.teardown(() => {
      kms.destroy()
    })
    const { CustomKeyStoreId } = await kms.send(new sdk.CreateCustomKeyStoreCommand(input as never))
    const state = async () => {
      for (;;) {
        const shown = await kms.send(new sdk.DescribeCustomKeyStoresCommand({ CustomKeyStoreId }))
        const { ConnectionState } = shown.CustomKeyStores![0]!
        if (!ConnectionState!.endsWith('ING')) return ConnectionState
      }
    }
    t.is(await state(), 'DISCONNECTED')
    await kms.send(new sdk.ConnectCustomKeyStoreCommand({ CustomKeyStoreId }))
    t.is(await state(), 'CONNECTED')
    const { KeyMetadata } = await kms.send(new sdk.CreateKeyCommand({ Origin, CustomKeyStoreId, ...more }))
    t.is(KeyMetadata!.CustomKeyStoreId, CustomKeyStoreId)
    const KeyId = KeyMetadata!.KeyId
    const Plaintext = Buffer.from('attack at dawn')
    const { CiphertextBlob } = await kms.send(new sdk.EncryptCommand({ KeyId, Plaintext }))
    const decrypt = () => kms.send(new sdk.DecryptCommand({ CiphertextBlob }))
    t.deepEqual(Buffer.from((await decrypt()).Plaintext!), Plaintext)
    await kms.send(new sdk.DisconnectCustomKeyStoreCommand({ CustomKeyStoreId }))
    t.is(await state(), 'DISCONNECTED')
    await t.throwsAsync(decrypt(), { name: 'KMSInvalidStateException' })
    const remove = kms.send(new sdk.DeleteCustomKeyStoreCommand({ CustomKeyStoreId }))
    await t.throwsAsync(remove, { name: 'CustomKeyStoreHasCMKsException' })
  })
}
