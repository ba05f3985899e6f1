/** Room for what comes out: asked for, exact, too small, the same as for what goes in. */
import type { Check } from '../check.ts'
import { word, wordIn } from '../cryptoki/memory.ts'
import { CKM, CKR, type CKF } from '../cryptoki/numbers.ts'
import type { Device } from '../device.ts'
import { aesKey } from '../keys.ts'
import { EMPTY, gcm } from '../parameters.ts'
import { begin, written } from '../parts.ts'
import { CIPHERS, idOf, keysFor, mechanismOf, SIGNERS, type Trial } from '../trials.ts'

const CLAUSE = 'PKCS#11 3.1, 5.2 Conventions for functions returning output in a variable-length buffer'

type Kind = 'Encrypt' | 'Decrypt' | 'Sign'
interface Prepared {
  readonly session: number
  readonly key: number
  /** What goes in, and how much comes out. */
  readonly input: Buffer
  readonly length: number
}

const FLAGS = { Encrypt: 'ENCRYPT', Decrypt: 'DECRYPT', Sign: 'SIGN' } as const satisfies Record<Kind, keyof typeof CKF>

/** One trial in one direction, begun once for the sake of its result's length. */
function prepare(device: Device, trial: Trial, kind: Kind): Prepared {
  if (!device.announces(CKM[trial.type], FLAGS[kind])) device.skip(`CKF_${FLAGS[kind]} is not announced`)
  const session = device.session()
  const how = mechanismOf(trial)
  if (kind === 'Sign') {
    const { privateKey: key } = keysFor(device, session, trial.key, ['SIGN'], ['VERIFY'])
    const { rv, bytes } = device.sign(session, how, key, trial.data)
    device.expect(rv, 'OK')
    return { session, key, input: trial.data, length: bytes.length }
  }
  const { publicKey, privateKey } = keysFor(device, session, trial.key, ['DECRYPT'], ['ENCRYPT'])
  const { rv, bytes } = device.encrypt(session, how, publicKey, trial.data)
  device.expect(rv, 'OK')
  return kind === 'Encrypt'
    ? { session, key: publicKey, input: trial.data, length: bytes.length }
    : { session, key: privateKey, input: bytes, length: trial.data.length }
}

interface Aspect {
  readonly title: string
  readonly severity: Check['severity']
  run(device: Device, trial: Trial, kind: Kind): void
}

const ASPECTS: Readonly<Record<string, Aspect>> = {
  query: {
    title: 'tells how much room it wants, and goes on',
    severity: 'major',
    run(device, trial, kind) {
      const { session, key, input, length } = prepare(device, trial, kind)
      device.expect(begin(device, session, kind, mechanismOf(trial), key), 'OK')
      const size = word()
      device.expect(device.call(`C_${kind}`, session, input, input.length, null, size), 'OK')
      const asked = wordIn(size)
      device.require(asked >= length, `at least ${length} bytes`, `${asked}`)
      const { rv, bytes } = once(device, kind, session, input, asked)
      device.expect(rv, 'OK')
      device.require(trial.key === 'ec' || bytes.length === length, `${length} bytes`, `${bytes.length}`)
    },
  },
  small: {
    title: 'refuses room that is too small, and goes on with more',
    severity: 'major',
    run(device, trial, kind) {
      const { session, key, input, length } = prepare(device, trial, kind)
      device.expect(begin(device, session, kind, mechanismOf(trial), key), 'OK')
      device.expect(once(device, kind, session, input, length - 1).rv, 'BUFFER_TOO_SMALL')
      device.expect(once(device, kind, session, input, Math.max(length, input.length) + 512).rv, 'OK')
    },
  },
  guard: {
    title: 'writes nothing behind the room it is given',
    severity: 'critical',
    run(device, trial, kind) {
      const { session, key, input, length } = prepare(device, trial, kind)
      device.expect(begin(device, session, kind, mechanismOf(trial), key), 'OK')
      const [out, size] = [Buffer.alloc(length + 4096, 0xa5), word(length - 1)]
      device.call(`C_${kind}`, session, input, input.length, out, size)
      const spilt = out.subarray(length - 1).some((byte) => byte !== 0xa5)
      device.require(!spilt, 'nothing behind', 'bytes behind the room given')
    },
  },
  exact: {
    title: 'makes do with room for exactly what comes out',
    severity: 'minor',
    run(device, trial, kind) {
      const { session, key, input, length } = prepare(device, trial, kind)
      device.expect(begin(device, session, kind, mechanismOf(trial), key), 'OK')
      device.expect(once(device, kind, session, input, length).rv, 'OK')
    },
  },
}

function once(device: Device, kind: Kind, session: number, input: Buffer, room: number): ReturnType<typeof written> {
  return written(room, (out, size) => device.call(`C_${kind}`, session, input, input.length, out, size))
}

const aspect = (trial: Trial, kind: Kind, name: string): Check => ({
  id: `room.${idOf(trial.type)}.${kind.toLowerCase()}.${name}`,
  title: `CKM_${trial.type}: C_${kind} ${ASPECTS[name]!.title}`,
  clause: CLAUSE,
  // Room for padding that is taken away may be asked for: "somewhat more than is needed".
  severity: name === 'exact' && kind === 'Decrypt' ? 'note' : ASPECTS[name]!.severity,
  needs: [trial.type],
  patience: 60,
  run: (device) => ASPECTS[name]!.run(device, trial, kind),
})

/** "Cryptoki functions … may be called with the same buffer": said of ciphers in 5.8 and 5.10. */
const inPlace = (trial: Trial): Check => ({
  id: `room.${idOf(trial.type)}.in-place`,
  title: `CKM_${trial.type} encrypts and decrypts where the input is`,
  clause: 'PKCS#11 3.1, 5.8.2 C_Encrypt: the input and the output may be in the same place',
  severity: 'major',
  needs: [trial.type],
  run(device) {
    const { session, key, input, length } = prepare(device, trial, 'Encrypt')
    const place = Buffer.alloc(length + 512)
    for (const [kind, size] of [
      ['Encrypt', input.length],
      ['Decrypt', length],
    ] as const) {
      if (kind === 'Encrypt') input.copy(place)
      device.expect(begin(device, session, kind, mechanismOf(trial), key), 'OK')
      const room = word(place.length)
      device.expect(device.call(`C_${kind}`, session, place, size, place, room), 'OK')
    }
    device.require(place.subarray(0, input.length).equals(input), 'the plaintext again', 'other bytes')
  },
})

/** Nothing is a text too: of each cipher that needs no whole block. */
const nothing = (trial: Trial): Check => ({
  id: `room.${idOf(trial.type)}.empty`,
  title: `CKM_${trial.type} encrypts and decrypts an empty text`,
  clause: 'PKCS#11 3.1, 5.8.2 C_Encrypt',
  severity: 'minor',
  needs: [trial.type],
  run(device) {
    const session = device.session()
    const key = aesKey(device, session, ['ENCRYPT', 'DECRYPT'])
    const sealed = device.encrypt(session, mechanismOf(trial), key, EMPTY)
    device.expect(sealed.rv, 'OK')
    const input = sealed.bytes.length === 0 ? EMPTY : sealed.bytes
    const { rv, bytes } = device.decrypt(session, mechanismOf(trial), key, input)
    device.expect(rv, 'OK')
    device.require(bytes.length === 0, 'an empty text', `${bytes.length} bytes`)
  },
})

const GCM_ROOM: Check = {
  id: 'room.aes-gcm.decrypt.plaintext-only',
  title: 'AES-GCM decrypts into room for the plaintext, and asks for none for the tag',
  clause: CLAUSE,
  severity: 'note',
  needs: ['AES_GCM'],
  run(device) {
    const session = device.session()
    const key = aesKey(device, session, ['ENCRYPT', 'DECRYPT'])
    const how = { type: 'AES_GCM', parameter: gcm(Buffer.alloc(12, 3)) } as const
    const { bytes } = device.encrypt(session, how, key, Buffer.alloc(100, 1))
    device.expect(device.decrypt(session, how, key, bytes, bytes.length - 16).rv, 'OK')
  },
}

const LARGE: readonly Check[] = [1, 16].map((mebibytes) => ({
  id: `room.aes-gcm.${mebibytes}-mib`,
  title: `AES-GCM encrypts and decrypts ${mebibytes} MiB at once`,
  clause: 'PKCS#11 3.1, 5.8.2 C_Encrypt',
  severity: 'minor',
  needs: ['AES_GCM'],
  patience: 60,
  run(device) {
    const session = device.session()
    const key = aesKey(device, session, ['ENCRYPT', 'DECRYPT'])
    const how = { type: 'AES_GCM', parameter: gcm(Buffer.alloc(12, 3)) } as const
    const data = Buffer.alloc(mebibytes << 20, 0x2e)
    const sealed = device.encrypt(session, how, key, data)
    if (sealed.rv !== CKR.OK) {
      device.expect(sealed.rv, 'DATA_LEN_RANGE')
      return
    }
    const { rv, bytes } = device.decrypt(session, how, key, sealed.bytes)
    device.expect(rv, 'OK')
    device.require(bytes.equals(data), 'what was encrypted', 'other bytes')
  },
}))

const SECRET = CIPHERS.filter(({ key }) => key === 'aes')
const SOME_SIGNERS = SIGNERS.filter(({ type }) =>
  ['RSA_PKCS', 'SHA256_RSA_PKCS_PSS', 'ECDSA', 'EDDSA', 'SHA256_HMAC', 'AES_CMAC'].includes(type),
)
const names = Object.keys(ASPECTS)

export const ROOM: readonly Check[] = [
  ...CIPHERS.filter(({ key }) => key !== 'des3').flatMap((trial) =>
    names.flatMap((name) => (['Encrypt', 'Decrypt'] as const).map((kind) => aspect(trial, kind, name))),
  ),
  ...SOME_SIGNERS.flatMap((trial) => names.map((name) => aspect(trial, 'Sign', name))),
  ...SECRET.map(inPlace),
  ...SECRET.filter(({ type }) => type !== 'AES_CTS').map(nothing),
  GCM_ROOM,
  ...LARGE,
]
