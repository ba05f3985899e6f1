/** GenerateRandom: bytes of the HSM's generator. */
import { after, type Backend } from '../backends/backend.ts'
import { fail } from '../errors.ts'
import { connectedStore, typeOf, type KeyStore } from '../keystores.ts'
import { operation, type Call } from '../operation.ts'
import { disclosing } from '../recipient.ts'

export const generateRandom = operation('GenerateRandom', {
  on: {},
  check({ NumberOfBytes }) {
    if ((NumberOfBytes ?? undefined) === undefined) fail('ValidationException', 'NumberOfBytes is required.')
  },
  run(call) {
    const { input, scope, records, recipient, keyStores } = call
    const { CustomKeyStoreId: store, NumberOfBytes } = input
    const answer = (bytes: Uint8Array) => (recipient ? { CiphertextForRecipient: bytes } : { Plaintext: bytes })
    if (store) {
      const stores = records.keyStores.list(scope.realm.region, scope.account)
      return stores
        .then((found) => disclosing(sourceOf(store, found, keyStores), recipient).random(NumberOfBytes!))
        .then(answer)
    }
    return after(disclosing(call.backend, recipient).random(NumberOfBytes!), answer)
  },
})

/** Clusters of CloudHSM make random bytes, external key managers do not. */
function sourceOf(id: string, stores: readonly KeyStore[], keyStores: Call['keyStores']): Backend {
  if (stores.some((store) => store.id === id && typeOf(store) === 'EXTERNAL_KEY_STORE')) {
    fail('UnsupportedOperationException')
  }
  return keyStores!.backendIn(connectedStore(id, stores))
}
