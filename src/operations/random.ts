/** GenerateRandom: bytes of the HSM's generator. */
import { after } from '../backends/backend.ts'
import { fail } from '../errors.ts'
import { refuseUse, typeOf, type KeyStore } from '../keystores.ts'
import { operation } from '../operation.ts'
import { disclosing } from '../recipient.ts'

export const generateRandom = operation('GenerateRandom', {
  on: {},
  check({ NumberOfBytes }) {
    if ((NumberOfBytes ?? undefined) === undefined) fail('ValidationException', 'NumberOfBytes is required.')
  },
  run(call) {
    const { input, scope, records, recipient } = call
    const { CustomKeyStoreId: store, NumberOfBytes } = input
    if (store) {
      const stores = records.keyStores.list(scope.realm.region, scope.account)
      return stores.then((found) => refuseSource(store, found))
    }
    return after(disclosing(call.backend, recipient).random(NumberOfBytes!), (bytes) =>
      recipient ? { CiphertextForRecipient: bytes } : { Plaintext: bytes },
    )
  },
})

/** Clusters of CloudHSM make random bytes, external key managers do not. */
function refuseSource(id: string, stores: readonly KeyStore[]): never {
  const store = stores.find((each) => each.id === id)
  if (store && typeOf(store) === 'EXTERNAL_KEY_STORE') fail('UnsupportedOperationException')
  refuseUse(id, stores)
}
