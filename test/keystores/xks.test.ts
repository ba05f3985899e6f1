/** External key stores against a proxy that is scripted: what is asked of it, and what becomes of each of its errors. */
import test from 'ava'
import { refusal, type Reply } from '../helpers/fakeproxy.ts'
import { bytes, refuses } from '../helpers/scene.ts'
import { connected, make, only, proxy, settled, stores, SECRET } from '../helpers/stores.ts'

const MESSAGES = {
  a: /^AWS KMS cannot interpret the response/,
  b: /is not enabled in the external key manager/,
  c: /rejected the request because the specified ciphertext or encryption context/,
  c2: /^The ciphertext that the external key store proxy submitted/,
  d: /does not support the requested operation\. Enable the operation/,
  e: /could not authenticate AWS KMS/,
  f: /denied access to the operation/,
  g: /was not found in its external key manager/,
  h: /because of an invalid URI path/,
  i: /because it does not support the requested operation\. If you see/,
  j: /did not respond to the request in the time allotted/,
  k: /due to a very high request rate/,
  l: /^AWS KMS cannot communicate with the external key store proxy/,
  n: /did not respond in time\. Retry/,
  o: /cannot communicate with the external key manager/,
}

const [RESPONSE, STATE] = ['XksProxyInvalidResponseException', 'CustomKeyStoreInvalidStateException']
const [KEY, UNREACHABLE] = ['XksKeyInvalidConfigurationException', 'XksProxyUriUnreachableException']
const CONFIGURATION = 'XksProxyInvalidConfigurationException'

const CASES: readonly (readonly [
  why: string,
  reply: Reply,
  message: keyof typeof MESSAGES,
  store: string,
  key: string,
  connection: string,
])[] = [
  ['ValidationException', refusal('ValidationException', 400), 'a', RESPONSE, STATE, 'XKS_PROXY_INVALID_RESPONSE'],
  ['an error nobody knows', refusal('NoSuchException', 400), 'a', RESPONSE, STATE, 'XKS_PROXY_INVALID_RESPONSE'],
  ['no JSON', { body: 'hello' }, 'a', RESPONSE, STATE, 'XKS_PROXY_INVALID_RESPONSE'],
  ['no JSON, and no success', { status: 502, body: '<html>' }, 'a', RESPONSE, STATE, 'XKS_PROXY_INVALID_RESPONSE'],
  ['nothing of what was asked', { body: {} }, 'a', RESPONSE, STATE, 'XKS_PROXY_INVALID_RESPONSE'],
  ['InvalidState', refusal('InvalidStateException', 400), 'b', RESPONSE, KEY, 'XKS_PROXY_INVALID_RESPONSE'],
  ['InvalidCiphertext', refusal('InvalidCiphertextException', 400), 'c', RESPONSE, STATE, 'XKS_PROXY_INVALID_RESPONSE'],
  ['InvalidKeyUsage', refusal('InvalidKeyUsageException', 400), 'd', RESPONSE, KEY, 'XKS_PROXY_INVALID_RESPONSE'],
  [
    'AuthenticationFailed',
    refusal('AuthenticationFailedException', 401),
    'e',
    'XksProxyIncorrectAuthenticationCredentialException',
    STATE,
    'INVALID_CREDENTIALS',
  ],
  [
    'AccessDenied',
    refusal('AccessDeniedException', 403),
    'f',
    CONFIGURATION,
    'KMSInvalidStateException',
    'XKS_PROXY_ACCESS_DENIED',
  ],
  [
    'KeyNotFound',
    refusal('KeyNotFoundException', 404),
    'g',
    RESPONSE,
    'XksKeyNotFoundException',
    'XKS_PROXY_INVALID_RESPONSE',
  ],
  [
    'InvalidUriPath',
    refusal('InvalidUriPathException', 404),
    'h',
    CONFIGURATION,
    STATE,
    'XKS_PROXY_INVALID_CONFIGURATION',
  ],
  [
    'UnsupportedOperation',
    refusal('UnsupportedOperationException', 501),
    'i',
    RESPONSE,
    RESPONSE,
    'XKS_PROXY_INVALID_RESPONSE',
  ],
  ['DependencyTimeout', refusal('DependencyTimeoutException', 503), 'j', UNREACHABLE, STATE, 'XKS_PROXY_TIMED_OUT'],
  ['Throttling', refusal('ThrottlingException', 429), 'k', UNREACHABLE, STATE, 'XKS_PROXY_NOT_REACHABLE'],
  ['a connection that breaks', 'drop', 'l', UNREACHABLE, STATE, 'XKS_PROXY_NOT_REACHABLE'],
  ['silence', 'hang', 'n', UNREACHABLE, STATE, 'XKS_PROXY_TIMED_OUT'],
  ['InternalException', refusal('InternalException', 500), 'o', RESPONSE, STATE, 'XKS_PROXY_INVALID_RESPONSE'],
]

const Plaintext = bytes('attack at dawn')
const EncryptionContext = { to: 'bob' }

for (const [why, reply, letter, store, key, connection] of CASES) {
  test(`the proxy answers with ${why}: each operation says what AWS says`, async (t) => {
    const { room, proxy: behind } = await stores(t)
    const id = await connected(room, proxy('a'))
    const other = await make(room, proxy('b', { XksProxyUriPath: '/b/kms/xks/v1' }))
    const create = (XksKeyId: string) =>
      room.createKey({ CustomKeyStoreId: id, Origin: 'EXTERNAL_KEY_STORE', XksKeyId })
    const { KeyId } = (await create('k1')).KeyMetadata!
    const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext })
    behind.script = () => reply
    const message = MESSAGES[letter]
    const crypto = [
      room.encrypt({ KeyId, Plaintext }),
      room.generateDataKey({ KeyId, KeySpec: 'AES_256' }),
      room.decrypt({ CiphertextBlob: CiphertextBlob! }),
      room.reEncrypt({ CiphertextBlob: CiphertextBlob!, DestinationKeyId: KeyId }),
    ]
    await Promise.all(crypto.map((act) => refuses(t, act, 'KMSInvalidStateException', message)))
    await refuses(t, create('k2'), key, message)
    await refuses(t, make(room, proxy('c', { XksProxyUriEndpoint: 'https://b.example.com' })), store, message)
    await refuses(t, room.updateCustomKeyStore({ CustomKeyStoreId: other, XksProxyUriPath: '/x/kms/xks/v1' }), store)
    await room.connectCustomKeyStore({ CustomKeyStoreId: other })
    t.deepEqual(await settled(room, other), ['FAILED', connection])
    behind.script = undefined
    t.deepEqual((await room.decrypt({ CiphertextBlob: CiphertextBlob! })).Plaintext, Buffer.from(Plaintext))
  })
}

/** What a proxy may not make of an encryption, however well the rest is. */
const WRONG: readonly (readonly [why: string, change: (body: Record<string, string>) => object])[] = [
  ['a ciphertext of another length', (body) => ({ ciphertext: `AAAA${body.ciphertext}` })],
  ['an IV of 13 bytes', () => ({ initializationVector: Buffer.alloc(13).toString('base64') })],
  ['a tag of 15 bytes', () => ({ authenticationTag: Buffer.alloc(15).toString('base64') })],
  ['metadata of 21 bytes', () => ({ ciphertextMetadata: Buffer.alloc(21).toString('base64') })],
  [
    'an integrity value of something else',
    () => ({ ciphertextDataIntegrityValue: Buffer.alloc(32).toString('base64') }),
  ],
  ['text that is no base64', () => ({ ciphertext: '????' })],
  ['no tag', () => ({ authenticationTag: undefined })],
]

for (const [why, change] of WRONG) {
  test(`an answer with ${why} is none`, async (t) => {
    const { room, proxy: behind } = await stores(t)
    const CustomKeyStoreId = await connected(room, proxy('a'))
    const created = await room.createKey({ CustomKeyStoreId, Origin: 'EXTERNAL_KEY_STORE', XksKeyId: 'k1' })
    const { KeyId } = created.KeyMetadata!
    behind.script = (_, honest) => {
      const { body } = honest() as { body: Record<string, string> }
      return { body: { ...body, ...change(body) } }
    }
    await refuses(t, room.encrypt({ KeyId, Plaintext }), 'KMSInvalidStateException', MESSAGES.a)
    behind.script = (_, honest) => {
      const { body } = honest() as { body: Record<string, string> }
      return { body: { ...body, ciphertextDataIntegrityValue: undefined } }
    }
    await t.notThrowsAsync(room.encrypt({ KeyId, Plaintext }), 'a proxy need not know the integrity value')
  })
}

test('a key in two places: neither of them can open what it made alone', async (t) => {
  const { room, proxy: behind } = await stores(t)
  const CustomKeyStoreId = await connected(room, proxy('a'))
  const created = await room.createKey({ CustomKeyStoreId, Origin: 'EXTERNAL_KEY_STORE', XksKeyId: 'k1' })
  const { KeyId, Arn } = created.KeyMetadata!
  t.like((await room.describeKey({ KeyId })).KeyMetadata, {
    ...{ Origin: 'EXTERNAL_KEY_STORE', KeyState: 'Enabled', CustomKeyStoreId, CurrentKeyMaterialId: undefined },
    XksKeyConfiguration: { Id: 'k1' },
  })
  const { CiphertextBlob: blob } = await room.encrypt({ KeyId, Plaintext, EncryptionContext })
  const asked = behind.asked.at(-1)!
  t.is(asked.path, '/kms/xks/v1/keys/k1/encrypt')
  t.false(Buffer.from(asked.body.plaintext!, 'base64').includes(Buffer.from(Plaintext)), 'the proxy sees no plaintext')
  t.like(asked.body.requestMetadata, {
    ...{ awsPrincipalArn: 'arn:aws:iam::000000000000:root', kmsKeyArn: Arn, kmsOperation: 'Encrypt' },
    kmsViaService: undefined,
  })
  t.regex(
    asked.headers.authorization!,
    /^AWS4-HMAC-SHA256 Credential=ABCDEFGHIJKLMNOPQRST\/\d{8}\/us-east-1\/kms-xks-proxy\/aws4_request, SignedHeaders=[a-z;-]*host;x-amz-date,/,
  )
  t.is(asked.headers.host, 'xks.example.com')

  const opened = await room.decrypt({ CiphertextBlob: blob!, EncryptionContext })
  t.deepEqual(opened, {
    KeyId: Arn!,
    Plaintext: Buffer.from(Plaintext),
    EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    KeyMaterialId: undefined,
  })
  await refuses(t, room.decrypt({ CiphertextBlob: blob! }), 'KMSInvalidStateException', MESSAGES.c)
  for (const at of [36, 50, 70, blob!.length - 1]) {
    const changed = Uint8Array.from(blob!)
    changed[at]! ^= 1
    await refuses(t, room.decrypt({ CiphertextBlob: changed, EncryptionContext }), 'KMSInvalidStateException')
  }
  // What the proxy hands out as decrypted has to be what was ours.
  behind.script = (asked, honest) =>
    asked.path.endsWith('/decrypt')
      ? { body: { plaintext: Buffer.alloc(Buffer.from(asked.body.ciphertext!, 'base64').length).toString('base64') } }
      : honest()
  await refuses(t, room.decrypt({ CiphertextBlob: blob!, EncryptionContext }), 'KMSInvalidStateException', MESSAGES.c2)
})

test('all that keys of external key stores are for', async (t) => {
  const { room, id: native } = await stores(t)
  const CustomKeyStoreId = await connected(room, proxy('a'))
  const created = await room.createKey({ CustomKeyStoreId, Origin: 'EXTERNAL_KEY_STORE', XksKeyId: 'k1' })
  const { KeyId } = created.KeyMetadata!
  const made = await room.generateDataKey({ KeyId, KeySpec: 'AES_256', EncryptionContext })
  t.is(made.KeyMaterialId, undefined)
  const opened = await room.decrypt({ CiphertextBlob: made.CiphertextBlob!, EncryptionContext })
  t.deepEqual(opened.Plaintext, made.Plaintext)
  const blind = await room.generateDataKeyWithoutPlaintext({ KeyId, KeySpec: 'AES_128' })
  t.is((await room.decrypt({ CiphertextBlob: blind.CiphertextBlob! })).Plaintext!.length, 16)

  const { CiphertextBlob: ours } = await room.encrypt({ KeyId: native, Plaintext })
  const out = await room.reEncrypt({ CiphertextBlob: ours!, DestinationKeyId: KeyId })
  const back = await room.reEncrypt({ CiphertextBlob: out.CiphertextBlob!, DestinationKeyId: native })
  t.deepEqual((await room.decrypt({ CiphertextBlob: back.CiphertextBlob! })).Plaintext, Buffer.from(Plaintext))

  const most = bytes('x'.repeat(4096))
  const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext: most })
  t.deepEqual((await room.decrypt({ CiphertextBlob: CiphertextBlob! })).Plaintext, Buffer.from(most))
  const key = room.key(KeyId)
  const buffer = new Uint8Array(200)
  const length = await key.encryptInto(Plaintext, buffer, EncryptionContext)
  const clear = new Uint8Array(200)
  const clearLength = await key.decryptInto(buffer.subarray(0, length), clear, EncryptionContext)
  t.deepEqual(clear.subarray(0, clearLength), Plaintext)
  t.is((await key.encryptMany([Plaintext, most])).length, 2)

  const unsupported = 'UnsupportedOperationException'
  await refuses(t, room.generateDataKeyPair({ KeyId, KeyPairSpec: 'ECC_NIST_P256' }), unsupported)
  await refuses(t, room.enableKeyRotation({ KeyId }), unsupported)
  await refuses(t, room.generateRandom({ NumberOfBytes: 8, CustomKeyStoreId }), unsupported)
})

test('a key of a store wants an external key of its own, to encrypt and to decrypt', async (t) => {
  const { room, proxy: behind } = await stores(t)
  const CustomKeyStoreId = await connected(room, proxy('a'))
  const create = (XksKeyId: string, Origin: 'EXTERNAL_KEY_STORE' | 'AWS_CLOUDHSM' = 'EXTERNAL_KEY_STORE') =>
    room.createKey({ CustomKeyStoreId, Origin, XksKeyId })
  const unfit = { spec: { keySpec: 'RSA_2048' }, use: { keyUsage: ['ENCRYPT'] }, off: { keyStatus: 'DISABLED' } }
  for (const [id, metadata] of Object.entries(unfit)) {
    behind.add(id, metadata)
    await refuses(t, create(id), 'XksKeyInvalidConfigurationException')
  }
  await refuses(t, create('nobody'), 'XksKeyNotFoundException')
  const outcomes = await Promise.allSettled([create('k1'), create('k1'), create('k1')])
  t.deepEqual(
    outcomes.map((each) => (each.status === 'fulfilled' ? 'made' : (each.reason as { code: string }).code)).toSorted(),
    ['XksKeyAlreadyInUseException', 'XksKeyAlreadyInUseException', 'made'],
  )
  await t.notThrowsAsync(create('k2'))
})

test('disconnected, and connected again: keys are unavailable meanwhile, and then as before', async (t) => {
  const { room } = await stores(t)
  const CustomKeyStoreId = await connected(room, proxy('a'))
  const created = await room.createKey({ CustomKeyStoreId, Origin: 'EXTERNAL_KEY_STORE', XksKeyId: 'k1' })
  const { KeyId } = created.KeyMetadata!
  const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext })
  await room.disconnectCustomKeyStore({ CustomKeyStoreId })
  t.is((await room.describeKey({ KeyId })).KeyMetadata!.KeyState, 'Unavailable')
  const decrypt = () => room.decrypt({ CiphertextBlob: CiphertextBlob! })
  await refuses(
    t,
    decrypt(),
    'KMSInvalidStateException',
    /^This KMS key is in a custom key store that is not connected/,
  )
  await room.connectCustomKeyStore({ CustomKeyStoreId })
  t.deepEqual(await settled(room, CustomKeyStoreId), ['CONNECTED', undefined])
  t.deepEqual((await decrypt()).Plaintext, Buffer.from(Plaintext))
})

test('a changed credential is used from then on, though the store stays connected', async (t) => {
  const { room, proxy: behind } = await stores(t)
  const CustomKeyStoreId = await connected(room, proxy('a'))
  const created = await room.createKey({ CustomKeyStoreId, Origin: 'EXTERNAL_KEY_STORE', XksKeyId: 'k1' })
  const { KeyId } = created.KeyMetadata!
  const credential = { AccessKeyId: 'B'.repeat(20), RawSecretAccessKey: SECRET }
  await room.updateCustomKeyStore({ CustomKeyStoreId, XksProxyAuthenticationCredential: credential })
  t.is((await only(room, CustomKeyStoreId)).XksProxyConfiguration!.AccessKeyId, credential.AccessKeyId)
  await room.encrypt({ KeyId, Plaintext })
  t.regex(behind.asked.at(-1)!.headers.authorization!, /Credential=B{20}\//)
})
