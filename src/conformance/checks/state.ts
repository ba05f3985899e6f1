/** Operations and the state of a session: what is under way, what asking for a length leaves as it was, and what ends it. */
import type { Check } from '../check.ts'
import { createHash } from 'node:crypto'
import { template, word, WORD, wordIn } from '../cryptoki/memory.ts'
import { CKF, CKR } from '../cryptoki/numbers.ts'
import type { Device } from '../device.ts'
import { aesKey } from '../keys.ts'
import { begin, final, once, OPERATIONS, update, usable, type Operation } from '../operations.ts'
import { data } from '../samples.ts'
import { row } from '../row.ts'

const SIZES = '5.2 Conventions for functions returning output in a variable-length buffer'
const DATA = Buffer.alloc(32, 0x61)
const giving = OPERATIONS.filter(({ gives }) => gives > 0)
/** Whose last call has bytes to give. */
const ending = giving.filter(({ name }) => name !== 'encrypt' && name !== 'decrypt')

/** What is true of each of some operations. */
function each(
  of: readonly Operation[],
  what: string,
  severity: Check['severity'],
  where: (operation: Operation) => string,
  title: (name: string) => string,
  run: (device: Device, session: number, operation: Operation, key: number) => void,
): Check[] {
  return of.map((operation) =>
    row(
      `state.${operation.name}.${what}`,
      severity,
      where(operation),
      title(operation.once),
      (device) => {
        const session = device.session()
        run(device, session, operation, operation.key(device, session))
      },
      { needs: operation.needs },
    ),
  )
}

const steps: readonly Check[] = [
  ...each(
    OPERATIONS,
    'active',
    'major',
    (o) => o.init,
    (name) => `${name} is not begun while it is under way`,
    (device, session, operation, key) => {
      device.expect(begin(device, session, operation, key), 'OK')
      device.expect(begin(device, session, operation, key), 'OPERATION_ACTIVE')
    },
  ),
  ...each(
    OPERATIONS,
    'not-begun',
    'major',
    (o) => o.once,
    (name) => `${name} has to be begun`,
    (device, session, operation) =>
      device.expect(once(device, session, operation, DATA, Buffer.alloc(64)).rv, 'OPERATION_NOT_INITIALIZED'),
  ),
  ...each(
    OPERATIONS,
    'update.not-begun',
    'major',
    (o) => o.update,
    (name) => `parts of ${name} come after its beginning`,
    (device, session, operation) =>
      device.expect(update(device, session, operation, DATA), 'OPERATION_NOT_INITIALIZED'),
  ),
  ...each(
    OPERATIONS,
    'final.not-begun',
    'major',
    (o) => o.final,
    (name) => `${name} that was not begun has no end`,
    (device, session, operation) =>
      device.expect(final(device, session, operation, Buffer.alloc(64)).rv, 'OPERATION_NOT_INITIALIZED'),
  ),
  ...each(
    OPERATIONS,
    'ended',
    'major',
    (o) => o.once,
    (name) => `${name} is over when it was done`,
    (device, session, operation, key) => {
      device.expect(begin(device, session, operation, key), 'OK')
      once(device, session, operation, DATA, Buffer.alloc(64))
      device.expect(once(device, session, operation, DATA, Buffer.alloc(64)).rv, 'OPERATION_NOT_INITIALIZED')
    },
  ),
  ...each(
    OPERATIONS,
    'mixed',
    'minor',
    (o) => o.once,
    (name) => `${name} in one shot does not end what was begun in parts`,
    (device, session, operation, key) => {
      device.expect(begin(device, session, operation, key), 'OK')
      device.expect(update(device, session, operation, DATA), 'OK')
      const { rv } = once(device, session, operation, DATA, Buffer.alloc(64))
      device.require(
        rv !== CKR.OK && rv !== CKR.SIGNATURE_INVALID,
        'an error of the state',
        rv === CKR.OK ? 'CKR_OK' : 'CKR_SIGNATURE_INVALID',
      )
    },
  ),
]

const lengths: readonly Check[] = [
  ...each(
    giving,
    'length',
    'major',
    () => SIZES,
    (name) => `${name} goes on after it was asked for a length`,
    (device, session, operation, key) => {
      device.expect(begin(device, session, operation, key), 'OK')
      const asked = once(device, session, operation, DATA, null)
      device.expect(asked.rv, 'OK')
      device.require(asked.bytes.length >= operation.gives, `at least ${operation.gives}`, String(asked.bytes.length))
      whole(device, operation, once(device, session, operation, DATA, asked.bytes))
    },
  ),
  ...each(
    giving,
    'too-small',
    'major',
    () => SIZES,
    (name) => `${name} goes on after it had too little room`,
    (device, session, operation, key) => {
      device.expect(begin(device, session, operation, key), 'OK')
      const asked = once(device, session, operation, DATA, Buffer.alloc(8))
      device.expect(asked.rv, 'BUFFER_TOO_SMALL')
      device.require(asked.bytes.length >= operation.gives, `at least ${operation.gives}`, String(asked.bytes.length))
      whole(device, operation, once(device, session, operation, DATA, Buffer.alloc(64)))
    },
  ),
  ...each(
    giving,
    'bounds',
    'critical',
    () => SIZES,
    (name) => `${name} writes nothing beyond the room it has`,
    (device, session, operation, key) => {
      const room = Buffer.alloc(64, 0x5a)
      begin(device, session, operation, key)
      once(device, session, operation, DATA, room, 8)
      device.require(
        room.subarray(8).every((byte) => byte === 0x5a),
        'nothing behind 8 bytes',
        'something',
      )
    },
  ),
  ...each(
    ending,
    'final.length',
    'major',
    () => SIZES,
    (name) => `the end of ${name} goes on after it was asked for a length`,
    (device, session, operation, key) => {
      started(device, session, operation, key)
      device.expect(final(device, session, operation, null).rv, 'OK')
      device.expect(final(device, session, operation, Buffer.alloc(64)).rv, 'OK')
    },
  ),
  ...each(
    ending,
    'final.too-small',
    'major',
    () => SIZES,
    (name) => `the end of ${name} goes on after it had too little room`,
    (device, session, operation, key) => {
      started(device, session, operation, key)
      device.expect(final(device, session, operation, Buffer.alloc(1)).rv, 'BUFFER_TOO_SMALL')
      device.expect(final(device, session, operation, Buffer.alloc(64)).rv, 'OK')
    },
  ),
  ...each(
    OPERATIONS,
    'final.ends',
    'major',
    (o) => o.final,
    (name) => `${name} is over after its end`,
    (device, session, operation, key) => {
      started(device, session, operation, key)
      final(device, session, operation, Buffer.alloc(64))
      usable(device, session, operation, key)
    },
  ),
]

/** How an operation is given up, since 3.0. */
const FLAGS = {
  encrypt: 'ENCRYPT',
  pad: 'ENCRYPT',
  decrypt: 'DECRYPT',
  digest: 'DIGEST',
  sign: 'SIGN',
  verify: 'VERIFY',
} as const

const cancelling: readonly Check[] = [
  ...each(
    OPERATIONS,
    'cancel',
    'minor',
    (o) => o.init,
    (name) => `${name} is given up by a beginning without a mechanism`,
    (device, session, operation, key) => {
      modern(device)
      device.expect(begin(device, session, operation, key), 'OK')
      const rv =
        operation.name === 'digest'
          ? device.call(operation.init, session, null)
          : device.call(operation.init, session, null, 0)
      device.expect(rv, 'OK')
      usable(device, session, operation, key)
    },
  ),
  ...each(
    OPERATIONS,
    'session-cancel',
    'minor',
    () => 'C_SessionCancel',
    (name) => `${name} is given up by C_SessionCancel`,
    (device, session, operation, key) => {
      modern(device)
      device.expect(begin(device, session, operation, key), 'OK')
      device.expect(device.call('C_SessionCancel', session, CKF[FLAGS[operation.name]]), 'OK')
      device.expect(once(device, session, operation, DATA, Buffer.alloc(64)).rv, 'OPERATION_NOT_INITIALIZED')
      usable(device, session, operation, key)
    },
  ),
  row('state.find.session-cancel', 'minor', 'C_SessionCancel', 'a search is given up by C_SessionCancel', (device) => {
    modern(device)
    const session = device.session()
    device.expect(device.call('C_FindObjectsInit', session, null, 0), 'OK')
    device.expect(device.call('C_SessionCancel', session, CKF.FIND_OBJECTS), 'OK')
    device.expect(device.call('C_FindObjectsInit', session, null, 0), 'OK')
  }),
]

const apart: readonly Check[] = [
  ...each(
    giving,
    'apart',
    'critical',
    (o) => o.init,
    (name) => `${name} in one session knows nothing of another`,
    (device, session, operation, key) => {
      const other = device.session()
      for (const at of [session, other]) device.expect(begin(device, at, operation, key), 'OK')
      const results = [session, other].map((at) => once(device, at, operation, DATA, Buffer.alloc(64)))
      for (const result of results) whole(device, operation, result)
      device.require(results[0]!.bytes.equals(results[1]!.bytes), 'the same of the same', 'something else')
    },
  ),
  row(
    'state.apart.digests',
    'critical',
    'C_DigestUpdate',
    'parts of two sessions do not mix',
    (device) => {
      const sha = OPERATIONS.find(({ name }) => name === 'digest')!
      const sessions = [device.session(), device.session()]
      for (const session of sessions) device.expect(begin(device, session, sha, 0), 'OK')
      const texts = ['one', 'two', 'three'].map((text) => [`${text} a`, `${text} b`])
      for (const pair of texts)
        pair.forEach((text, i) => device.expect(update(device, sessions[i]!, sha, Buffer.from(text)), 'OK'))
      sessions.forEach((session, i) => {
        const wanted = createHash('sha256')
          .update(texts.map((pair) => pair[i]).join(''))
          .digest()
        const { bytes } = final(device, session, sha, Buffer.alloc(32))
        device.require(bytes.equals(wanted), 'the digest of its own parts', 'another')
      })
    },
    { needs: ['SHA256'] },
  ),
  row(
    'state.find-and-encrypt',
    'major',
    '5.1.6 All other Cryptoki function return values, CKR_OPERATION_ACTIVE',
    'a search beside an encryption is refused, or finds; the encryption goes on',
    (device) => {
      const session = device.session()
      device.expect(device.create(session, data(device)).rv, 'OK')
      const key = aesKey(device, session, ['ENCRYPT'])
      const [ecb] = OPERATIONS
      device.expect(begin(device, session, ecb!, key), 'OK')
      const rv = device.call('C_FindObjectsInit', session, template([{ type: 'LABEL', value: device.label }]), 1)
      device.expect(rv, 'OK', 'OPERATION_ACTIVE')
      whole(device, ecb!, once(device, session, ecb!, DATA, Buffer.alloc(64)))
      if (rv !== CKR.OK) return
      const count = word()
      device.expect(device.call('C_FindObjects', session, Buffer.alloc(WORD), 1, count), 'OK')
      device.require(wordIn(count) === 1, '1 found', `${wordIn(count)} found`)
    },
    { needs: ['AES_KEY_GEN', 'AES_ECB'] },
  ),
  ...each(
    OPERATIONS.filter(({ name }) => name !== 'digest'),
    'key-destroyed',
    'critical',
    () => 'C_DestroyObject',
    (name) => `a key that is destroyed under ${name} brings nothing down`,
    (device, session, operation, key) => {
      device.expect(begin(device, session, operation, key), 'OK')
      device.call('C_DestroyObject', session, key)
      once(device, session, operation, DATA, Buffer.alloc(64))
      usable(device, session, operation, operation.key(device, session))
    },
  ),
  ...each(
    OPERATIONS,
    'logout',
    'critical',
    () => 'C_Logout',
    (name) => `a logout under ${name} brings nothing down`,
    (device, session, operation, key) => {
      device.expect(begin(device, session, operation, key), 'OK')
      device.expect(device.call('C_Logout', session), 'OK')
      once(device, session, operation, DATA, Buffer.alloc(64))
      device.expect(device.login(session), 'OK')
      const fresh = device.session()
      usable(device, fresh, operation, operation.key(device, fresh))
    },
  ),
]

export const STATE: readonly Check[] = [...steps, ...lengths, ...cancelling, ...apart]

function started(device: Device, session: number, operation: Operation, key: number): void {
  device.expect(begin(device, session, operation, key), 'OK')
  device.expect(update(device, session, operation, DATA), 'OK')
}

function whole(
  device: Device,
  { gives }: Operation,
  { rv, bytes }: { readonly rv: number; readonly bytes: Buffer },
): void {
  device.expect(rv, 'OK')
  device.require(bytes.length === gives, `${gives} bytes`, `${bytes.length} bytes`)
}

function modern(device: Device): void {
  if (device.module.version.major < 3) device.skip('the module is of a version before 3.0')
}
