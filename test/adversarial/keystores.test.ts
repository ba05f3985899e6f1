/** Attacks on custom key stores: passwords, proxies that lie or never end, and much of everything at once. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { Strongroom } from '../../src/index.ts'
import { refusal } from '../helpers/fakeproxy.ts'
import { bytes, refuses } from '../helpers/scene.ts'
import { cluster, connected, make, only, PASSWORD, proxy, SECRET, settled, stores } from '../helpers/stores.ts'

const Plaintext = bytes('attack at dawn')
const STATE = 'KMSInvalidStateException'

async function external(t: ExecutionContext) {
  const { room, proxy: behind } = await stores(t)
  const CustomKeyStoreId = await connected(room, proxy('a'))
  const created = await room.createKey({ CustomKeyStoreId, Origin: 'EXTERNAL_KEY_STORE', XksKeyId: 'k1' })
  return { room, behind, CustomKeyStoreId, KeyId: created.KeyMetadata!.KeyId }
}

// Ciphertexts of somebody else's making -----------------------------------------------------------

/** Where the header of a frame ends, and the lengths of an external key's ciphertext begin. */
const HEADER = 36

const FORGED: readonly (readonly [what: string, forge: (blob: Buffer) => Uint8Array, code?: string])[] = [
  ['an IV of 255 bytes', (blob) => blob.fill(255, HEADER, HEADER + 1)],
  ['no IV', (blob) => blob.fill(0, HEADER, HEADER + 1)],
  ['255 bytes of metadata', (blob) => blob.fill(255, HEADER + 1, HEADER + 2)],
  ['21 bytes of metadata', (blob) => blob.fill(21, HEADER + 1, HEADER + 2)],
  // These are no ciphertexts of any key.
  ['nothing behind its header', (blob) => blob.subarray(0, HEADER), 'InvalidCiphertextException'],
  ['half a tag', (blob) => blob.subarray(0, HEADER + 2 + 12 + 8), 'InvalidCiphertextException'],
]

for (const [what, forge, code = STATE] of FORGED) {
  test(`a ciphertext with ${what} is known for what it is, and no proxy is asked about it`, async (t) => {
    const { room, behind, KeyId } = await external(t)
    const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext })
    const before = behind.asked.length
    const message = code === STATE ? /is corrupted/ : undefined
    await refuses(t, room.decrypt({ CiphertextBlob: forge(Buffer.from(CiphertextBlob!)) }), code, message)
    t.is(behind.asked.length, before)
  })
}

test('a ciphertext is of one key: neither the external key nor the store makes it another’s', async (t) => {
  const { room, KeyId, CustomKeyStoreId } = await external(t)
  const second = await room.createKey({ CustomKeyStoreId, Origin: 'EXTERNAL_KEY_STORE', XksKeyId: 'k2' })
  const other = second.KeyMetadata!.KeyId
  const { CiphertextBlob: one } = await room.encrypt({ KeyId, Plaintext })
  const { CiphertextBlob: two } = await room.encrypt({ KeyId: other, Plaintext })
  // The header of the one, and all the rest of the other.
  const mixed = Buffer.concat([two!.subarray(0, HEADER), one!.subarray(HEADER)])
  await refuses(t, room.decrypt({ CiphertextBlob: mixed }), STATE)
})

// Proxies -----------------------------------------------------------------------------------------

for (const [what, errorMessage] of [
  ['an empty message', ''],
  ['a message that is too long', 'x'.repeat(5000)],
  ['a message that is none', { secret: true }],
] as const) {
  test(`an error with ${what} is the error it names`, async (t) => {
    const { room, behind, KeyId } = await external(t)
    behind.script = () => ({ status: 403, body: { errorName: 'AccessDeniedException', errorMessage } })
    await refuses(t, room.encrypt({ KeyId, Plaintext }), STATE, /denied access to the operation/)
  })
}

test('an error is named by the status it has, too: success is none, whatever its body says', async (t) => {
  const { room, behind, KeyId } = await external(t)
  behind.script = () => ({ ...(refusal('AccessDeniedException', 403) as object), status: 200 })
  await refuses(t, room.encrypt({ KeyId, Plaintext }), STATE, /cannot interpret the response/)
})

type Answering = (response: ServerResponse) => void

/** A store whose proxy does not even speak JSON. */
async function against(t: ExecutionContext, answer: Answering) {
  const server = createServer((request, response) => {
    request.resume()
    response.on('error', () => undefined)
    answer(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const room = await Strongroom.open({ xks: { endpoints: { 'https://xks.example.com': url }, timeoutMillis: 400 } })
  t.teardown(async () => {
    await room.close()
    server.closeAllConnections()
    server.close()
  })
  return room
}

/** Writes until nobody reads any more. */
function flood(response: ServerResponse, text: string): void {
  const go = () => {
    while (!response.destroyed) if (!response.write(text)) return void response.once('drain', go)
  }
  go()
}

const ENDLESS: readonly (readonly [what: string, answer: Answering, code: string])[] = [
  ['floods', (response) => flood(response, 'x'.repeat(65_536)), 'XksProxyInvalidResponseException'],
  [
    'drips for ever',
    (response) => {
      const drip = setInterval(() => response.write(' '), 20)
      response.on('close', () => clearInterval(drip))
    },
    'XksProxyUriUnreachableException',
  ],
  [
    'says to go on for ever',
    (response) => {
      const more = setInterval(() => response.writeContinue(), 20)
      response.on('close', () => clearInterval(more))
    },
    'XksProxyUriUnreachableException',
  ],
  [
    'wants another protocol',
    (response) => {
      response.writeHead(101, { connection: 'upgrade', upgrade: 'websocket' })
      response.end()
    },
    'XksProxyInvalidResponseException',
  ],
  [
    'sends elsewhere',
    (response) => {
      response.writeHead(307, { location: 'http://127.0.0.1:1/' })
      response.end()
    },
    'XksProxyInvalidResponseException',
  ],
  [
    'has very long headers',
    (response) => response.socket!.end(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}\r\n\r\n`),
    'XksProxyInvalidResponseException',
  ],
  ['nests without end', (response) => response.end('{"a":'.repeat(10_000)), 'XksProxyInvalidResponseException'],
  [
    'tells a fleet of a million',
    (response) => response.end(`{"ekmFleetDetails":[${'{},'.repeat(20_000)}{}]}`),
    'XksProxyInvalidResponseException',
  ],
]

for (const [what, answer, code] of ENDLESS) {
  test(`a proxy that ${what} keeps nobody waiting`, async (t) => {
    const room = await against(t, answer)
    await refuses(t, make(room, proxy('a')), code)
  })
}

// Much at once ------------------------------------------------------------------------------------

test('whoever is under way while the credential is changed gets an answer', async (t) => {
  const { room, behind, CustomKeyStoreId, KeyId } = await external(t)
  behind.pace = 150
  const encrypting = Array.from({ length: 4 }, () => room.encrypt({ KeyId, Plaintext }))
  await pause(50)
  behind.pace = 0
  const credential = { AccessKeyId: 'B'.repeat(20), RawSecretAccessKey: SECRET }
  await room.updateCustomKeyStore({ CustomKeyStoreId, XksProxyAuthenticationCredential: credential })
  const blobs = await Promise.all(encrypting)
  for (const { CiphertextBlob } of blobs)
    t.deepEqual((await room.decrypt({ CiphertextBlob: CiphertextBlob! })).Plaintext, Buffer.from(Plaintext))
})

test('connected, disconnected, changed and deleted at once, a store is in a state it may be in', async (t) => {
  const { room } = await stores(t)
  for (const wanted of [proxy('a'), cluster('b')]) {
    const CustomKeyStoreId = await make(room, wanted)
    const acts = [
      () => room.connectCustomKeyStore({ CustomKeyStoreId }),
      () => room.disconnectCustomKeyStore({ CustomKeyStoreId }),
      () => room.updateCustomKeyStore({ CustomKeyStoreId, NewCustomKeyStoreName: `${wanted.CustomKeyStoreName}2` }),
    ]
    await Promise.allSettled(Array.from({ length: 60 }, (_, i) => acts[i % acts.length]!()))
    const [state] = await settled(room, CustomKeyStoreId)
    t.true(state === 'CONNECTED' || state === 'DISCONNECTED', state)
    if (state === 'CONNECTED') await room.disconnectCustomKeyStore({ CustomKeyStoreId })
    await settled(room, CustomKeyStoreId)
    await room.connectCustomKeyStore({ CustomKeyStoreId })
    t.deepEqual(await settled(room, CustomKeyStoreId), ['CONNECTED', undefined])
  }
})

test('a room closes while a proxy is silent, and what was asked of it fails', async (t) => {
  const { room, behind, KeyId } = await external(t)
  behind.script = () => 'hang'
  const encrypting = Promise.allSettled([room.encrypt({ KeyId, Plaintext }), room.encrypt({ KeyId, Plaintext })])
  await pause(20)
  await room.close()
  for (const outcome of await encrypting) t.is(outcome.status, 'rejected')
})

test('a room closes while a store is being connected, and knows what became of it when it is opened again', async (t) => {
  const { room, proxy: behind } = await stores(t)
  const CustomKeyStoreId = await make(room, proxy('a'))
  behind.script = () => 'hang'
  await room.connectCustomKeyStore({ CustomKeyStoreId })
  await t.notThrowsAsync(room.close())
})

// Secrets -----------------------------------------------------------------------------------------

test('no secret of a store is told: not by descriptions, errors, the log or the trail', async (t) => {
  const lines: string[] = []
  const { room, proxy: behind } = await stores(t, { log: (line) => lines.push(line) })
  const id = await connected(room, proxy('a'))
  const hsm = await connected(room, cluster('b'))
  const wrong = { AccessKeyId: 'C'.repeat(20), RawSecretAccessKey: 'c'.repeat(43) }
  behind.script = () => refusal('AuthenticationFailedException', 401)
  const failing = await Promise.allSettled([
    room.updateCustomKeyStore({ CustomKeyStoreId: id, XksProxyAuthenticationCredential: wrong }),
    make(room, proxy('c', { XksProxyAuthenticationCredential: wrong, XksProxyUriPath: '/c/kms/xks/v1' })),
    make(room, cluster('d', { KeyStorePassword: `${PASSWORD}!` })),
  ])
  const errors = failing.map((each) => {
    const { reason } = each as PromiseRejectedResult & { reason: Error }
    return [reason.message, reason.stack, String(reason.cause), JSON.stringify(reason)].join()
  })
  const told = [...lines, ...errors, JSON.stringify([await only(room, id), await only(room, hsm)])]
  for await (const event of room.audit.events()) told.push(JSON.stringify(event))
  for (const secret of [SECRET, 'c'.repeat(43), PASSWORD]) t.false(told.join('\n').includes(secret))
  t.true(told.length > 10)
})
