/** Keys as things: CreateKey, DescribeKey, ListKeys, UpdateKeyDescription. */
import { randomBytes, randomUUID } from 'node:crypto'
import { allowsUsage, SPECS, USES } from '../algorithms.ts'
import { after } from '../backends/backend.ts'
import { fail } from '../errors.ts'
import { isGone, keyOf, NEW_KEY, newMaterial, withFields } from '../keys.ts'
import { metadataOf } from '../metadata.ts'
import type { CreateKeyRequest, KeySpec, KeyUsageType } from '../model/kms.ts'
import { existing, operation, visible } from '../operation.ts'
import { pageEnd, pageOf } from '../paging.ts'
import { requirePolicy } from '../policies.ts'
import { edits } from '../store/cache.ts'
import { mergeTags } from '../tags.ts'

export const createKey = operation('CreateKey', {
  on: {},
  mutates: true,
  check(input) {
    const spec = specOf(input)
    requireUsage(spec, input.KeyUsage)
    if (input.CustomKeyStoreId) fail('CustomKeyStoreNotFoundException')
    if (!SPECS[spec].hsm) fail('UnsupportedOperationException', `KeySpec ${spec} is not supported yet.`)
    if (input.Origin && input.Origin !== 'AWS_KMS') {
      fail('UnsupportedOperationException', `Origin ${input.Origin} is not supported yet.`)
    }
    if (input.MultiRegion) fail('UnsupportedOperationException', 'MultiRegion keys are not supported yet.')
    if (input.XksKeyId) fail('ValidationException', 'XksKeyId needs an external key store.')
    if (input.Policy) requirePolicy(input.Policy)
    mergeTags([], input.Tags ?? [])
  },
  run(call) {
    const { input, scope, now, backend } = call
    const spec = specOf(input)
    const usage = input.KeyUsage ?? 'ENCRYPT_DECRYPT'
    return after(backend.create(SPECS[spec].hsm!, USES[usage]), (token) => {
      const id = randomUUID()
      const material = newMaterial(randomBytes(32).toString('hex'), token, now)
      const key = keyOf({
        ...NEW_KEY,
        region: scope.realm.region,
        account: scope.account,
        id,
        spec,
        usage,
        origin: 'AWS_KMS',
        created: now,
        description: input.Description ?? '',
        policy: input.Policy ?? '',
        tags: mergeTags([], input.Tags ?? []),
        currentId: material.id,
        materials: [material],
      })
      call.put(edits.putKey(key), edits.putMaterial(key, material))
      return { KeyMetadata: metadataOf(key, now) }
    })
  },
})

export const describeKey = operation('DescribeKey', {
  on: { key: visible('KeyId') },
  run: ({ key, now }) => ({ KeyMetadata: metadataOf(key, now) }),
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
  on: { key: existing('KeyId', ['Enabled', 'Disabled']) },
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
