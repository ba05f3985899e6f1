/** Keys as things: CreateKey, DescribeKey, GetPublicKey, ListKeys, UpdateKeyDescription. */
import { allowsUsage, isOffered, SPECS, USES } from '../algorithms.ts'
import { orUnmade } from '../backends/backend.ts'
import { NEVER } from '../clock.ts'
import { fail } from '../errors.ts'
import { requireStoreOf } from '../keystorerequests.ts'
import { roomForKey } from '../keycount.ts'
import { connectedStore, typeOf, type KeyStore } from '../keystores.ts'
import { isGone, KEPT, keyOf, NEW_KEY, newMaterial, withFields } from '../keys.ts'
import { algorithmsOf, metadataOf } from '../metadata.ts'
import { managedKey, managedServiceOf } from '../managed.ts'
import type {
  CreateKeyRequest,
  CustomerMasterKeySpec,
  DescribeKeyRequest,
  KeySpec,
  KeyUsageType,
} from '../model/kms.ts'
import { existing, visible } from '../locators.ts'
import { operation, type Asking, type Call } from '../operation.ts'
import { pageEnd, pageOf } from '../paging.ts'
import { refuseLockout, requirePolicy, requirePrincipals } from '../policies.ts'
import { edits } from '../store/cache.ts'
import { putKeyStore } from '../store/keystores.ts'
import { mergeTags } from '../tags.ts'

export const createKey = operation('CreateKey', {
  on: {},
  mutates: true,
  check(input) {
    const spec = specOf(input)
    requireUsage(spec, input.KeyUsage)
    requireStoreOf(input, spec)
    if (input.Origin === 'EXTERNAL' && !SPECS[spec].importable) {
      fail('UnsupportedOperationException', `KeySpec ${spec} is not supported with Origin EXTERNAL.`)
    }
    if (input.Policy) requirePolicy(input.Policy)
    mergeTags([], input.Tags ?? [])
  },
  asks: ({ input }) => (input.Tags?.length ? [{ action: 'kms:TagResource', resource: undefined }] : []),
  require({ input, scope, knows }) {
    const spec = specOf(input)
    requirePrincipals(input.Policy, knows)
    // The model knows the spec, so that it is no invalid value; UnsupportedOperationException is the error CreateKey has
    // for a parameter that is not supported here.
    if (!isOffered(spec, scope.realm.region)) {
      fail('UnsupportedOperationException', `KeySpec ${spec} is not supported in ${scope.realm.region}.`)
    }
  },
  async run(call) {
    const { input, scope, now, entropy } = call
    const { region } = scope.realm
    const store = input.CustomKeyStoreId ? await storeFor(input, call) : undefined
    const backend = store ? call.keyStores!.backendIn(store) : call.backend
    const spec = specOf(input)
    const usage = input.KeyUsage ?? 'ENCRYPT_DECRYPT'
    const id = input.MultiRegion ? `mrk-${entropy.hex(16)}` : entropy.uuid()
    const planned = keyOf({
      ...NEW_KEY,
      region,
      account: scope.account,
      id,
      spec,
      usage,
      origin: input.Origin ?? 'AWS_KMS',
      created: now,
      description: input.Description ?? '',
      policy: input.Policy ?? '',
      tags: mergeTags([], input.Tags ?? []),
      multiRegion: input.MultiRegion ? { primary: region, related: [{ region, deletion: NEVER }] } : undefined,
      customKeyStoreId: store?.id,
      xksKeyId: input.XksKeyId,
      clusterId: store?.cluster?.id,
      currentId: '',
      materials: [],
    })
    refuseLockout(input, call.caller, planned)
    // What is to be imported comes later.
    const made = input.Origin === 'EXTERNAL' ? undefined : await backend.create(SPECS[spec].hsm, USES[usage])
    const counted = await orUnmade(() => roomForKey(scope, call), made, backend)
    const materials = made ? [newMaterial(entropy.hex(32), made.token, now)] : []
    const key = withFields(planned, { publicKey: made?.publicKey, currentId: materials[0]?.id ?? '', materials })
    call.put(counted(edits.putKey(key)), ...materials.map((material) => edits.putMaterial(key, material)))
    if (store && materials[0]) call.material = materials[0]
    // Written once more, so that of two who want one external key, or of one who deletes the store, one comes too late.
    if (store) call.put(putKeyStore(store))
    return { KeyMetadata: metadataOf(key, now) }
  },
})

/** The store a new key is for: connected, of the key's origin, and with an external key behind it that no other key has. */
async function storeFor(
  input: CreateKeyRequest,
  call: Asking & Pick<Call, 'scope' | 'records' | 'keyStores' | 'now' | 'keyStore'>,
): Promise<KeyStore> {
  const { scope, records, now } = call
  const { CustomKeyStoreId: id, XksKeyId: xksKeyId, Origin: origin } = input
  const store = connectedStore(id!, await records.keyStores.list(scope.realm.region, scope.account))
  call.keyStore = store
  if (typeOf(store) !== origin)
    fail('ValidationException', `The custom key store ${id} has no keys of Origin ${origin}.`)
  if (xksKeyId === undefined) return store
  if ((await records.keysIn(store)).some((key) => key.xksKeyId === xksKeyId && !isGone(key, now))) {
    fail(
      'XksKeyAlreadyInUseException',
      `The external key ${xksKeyId} is in use by another key of the custom key store.`,
    )
  }
  await call.keyStores!.requireKey(store, xksKeyId, call)
  return store
}

const named = visible('KeyId')

export const describeKey = operation('DescribeKey', {
  on: {
    key: {
      ...named,
      /** To ask for the managed key of a service is to have it made. */
      find(call) {
        const { KeyId } = call.input as DescribeKeyRequest
        const service = managedServiceOf(KeyId, call.scope)
        return service === undefined ? named.find(call) : managedKey(service, call).then(() => named.find(call))
      },
    },
  },
  run: ({ key, now }) => ({ KeyMetadata: metadataOf(key, now) }),
})

export const getPublicKey = operation('GetPublicKey', {
  on: { key: visible('KeyId', ['Enabled', 'Disabled', 'PendingImport', 'Unavailable', 'Updating']) },
  require({ key }) {
    if (SPECS[key.spec].family !== 'asymmetric') {
      fail('UnsupportedOperationException', `${key.arn} key spec is ${key.spec} which is not valid for GetPublicKey.`)
    }
    // Until the private key has been imported there is no public one either.
    if (!key.publicKey) fail('KMSInvalidStateException', `${key.arn} is pending import.`)
  },
  run: ({ key }) => ({
    KeyId: key.arn,
    // A copy, since the key's own is kept.
    PublicKey: Uint8Array.from(key.publicKey!),
    CustomerMasterKeySpec: key.spec as CustomerMasterKeySpec,
    KeySpec: key.spec,
    KeyUsage: key.usage,
    ...algorithmsOf(key),
  }),
})

export const listKeys = operation('ListKeys', {
  on: {},
  async run({ input, scope, records, now }) {
    const page = pageOf('ListKeys', input, 100, 1000)
    // Keys reach an account from others only through AWS RAM, which there is none of here.
    if (input.ResourceOwners?.length && !input.ResourceOwners.includes('SELF')) return { Keys: [], Truncated: false }
    const found = await records.keys(scope, page.after, page.limit + 1)
    const shown = found.slice(0, page.limit)
    const Keys = shown
      .filter((key) => !isGone(key, now))
      .map(({ id }) => ({ KeyId: id, KeyArn: scope.arn(`key/${id}`) }))
    return { Keys, ...pageEnd('ListKeys', found.length > page.limit ? shown.at(-1)!.id : undefined) }
  },
})

export const updateKeyDescription = operation('UpdateKeyDescription', {
  on: { key: existing('KeyId', KEPT) },
  mutates: true,
  run(call) {
    call.put(edits.putKey(withFields(call.key, { description: call.input.Description })))
  },
})

/** `KeySpec`, or its deprecated twin; both is a mistake unless they agree. */
function specOf({ KeySpec, CustomerMasterKeySpec }: CreateKeyRequest): KeySpec {
  if (KeySpec && CustomerMasterKeySpec && KeySpec !== CustomerMasterKeySpec) {
    fail('ValidationException', 'You cannot specify KeySpec and CustomerMasterKeySpec in the same request.')
  }
  return KeySpec ?? CustomerMasterKeySpec ?? 'SYMMETRIC_DEFAULT'
}

function requireUsage(spec: KeySpec, usage: KeyUsageType | undefined): void {
  if (!usage && spec === 'SYMMETRIC_DEFAULT') return
  if (!usage) {
    fail(
      'ValidationException',
      'You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.',
    )
  }
  if (!allowsUsage(spec, usage)) {
    fail('ValidationException', `KeyUsage ${usage} is not compatible with KeySpec ${spec}`)
  }
}
