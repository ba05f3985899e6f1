/** What is left when the module was ended and begun again: all that was stored, and nothing that was not. */
import { fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Finding, type Check, type Severity } from '../check.ts'
import type { Template } from '../cryptoki/memory.ts'
import { CKK, CKO, type CKA, type CKM } from '../cryptoki/numbers.ts'
import type { Device } from '../device.ts'
import { CURVES, hex } from '../keys.ts'
import { gcm } from '../parameters.ts'
import { initialize } from '../token.ts'
import type { Visit, Visited } from '../visitor.ts'

const CLAUSE = 'PKCS#11 3.1, 4.4 Storage objects: CKA_TOKEN'

const row = (
  id: string,
  severity: Severity,
  title: string,
  needs: readonly (keyof typeof CKM)[],
  run: (device: Device) => void | Promise<void>,
): Check => ({ id: `persistence.${id}`, title, clause: CLAUSE, severity, writes: true, needs, patience: 60, run })

/** Ends the module and begins it again: a session of a user who has logged in anew. */
function restarted(device: Device): number {
  device.expect(device.call('C_Finalize', null), 'OK')
  device.expect(initialize(device.module), 'OK')
  return device.session()
}

const stored = (device: Device, ...more: Template): Template => [
  { type: 'TOKEN', value: true },
  { type: 'LABEL', value: device.label },
  ...more,
]

/** The only object of our label, and of the class if one is given. */
function refound(device: Device, session: number, kind?: keyof typeof CKO): number {
  const narrow: Template = kind ? [{ type: 'CLASS', value: CKO[kind] }] : []
  const found = device.find(session, [{ type: 'LABEL', value: device.label }, ...narrow])
  device.require(found.length === 1, 'the one object that was stored', `${found.length} objects`)
  return found[0]!
}

const IV = Buffer.alloc(12, 5)
const GCM = { type: 'AES_GCM', parameter: gcm(IV) } as const
const TEXT = Buffer.from('encrypted before, decrypted after')

function sensitiveKey(device: Device, session: number, ...more: Template): number {
  const attributes = stored(device, { type: 'VALUE_LEN', value: 32 }, ...more)
  const uses: Template = [
    { type: 'ENCRYPT', value: true },
    { type: 'DECRYPT', value: true },
    { type: 'SENSITIVE', value: true },
    { type: 'EXTRACTABLE', value: false },
  ]
  const { rv, handle } = device.generate(session, { type: 'AES_KEY_GEN' }, [...attributes, ...uses])
  device.expect(rv, 'OK')
  return handle
}

const SECRET = row(
  'secret-key',
  'critical',
  'A stored AES key decrypts after a restart what it encrypted before',
  ['AES_KEY_GEN', 'AES_GCM'],
  (device) => {
    const session = device.session()
    const sealed = device.encrypt(session, GCM, sensitiveKey(device, session), TEXT)
    device.expect(sealed.rv, 'OK')
    const again = restarted(device)
    const { rv, bytes } = device.decrypt(again, GCM, refound(device, again), sealed.bytes)
    device.expect(rv, 'OK')
    device.require(bytes.equals(TEXT), 'the plaintext', 'another one')
  },
)

const PAIRS = {
  rsa: {
    generator: 'RSA_PKCS_KEY_PAIR_GEN',
    open: [
      { type: 'MODULUS_BITS', value: 2048 },
      { type: 'PUBLIC_EXPONENT', value: hex('010001') },
    ],
    signs: 'RSA_PKCS',
  },
  ec: {
    generator: 'EC_KEY_PAIR_GEN',
    open: [{ type: 'EC_PARAMS', value: hex(CURVES.secp256r1.oid) }],
    signs: 'ECDSA',
  },
} as const

const pair = (name: keyof typeof PAIRS): Check => {
  const { generator, open, signs } = PAIRS[name]
  return row(
    `${name}-pair`,
    'critical',
    `A stored ${name.toUpperCase()} pair verifies and signs after a restart`,
    [generator, signs],
    (device) => {
      const session = device.session()
      const publicTemplate = stored(device, ...open, { type: 'VERIFY', value: true })
      const privateTemplate = stored(device, { type: 'SIGN', value: true })
      const made = device.generatePair(session, { type: generator }, publicTemplate, privateTemplate)
      device.expect(made.rv, 'OK')
      const digest = createHash('sha256').update(TEXT).digest()
      const before = device.sign(session, { type: signs }, made.privateKey, digest)
      device.expect(before.rv, 'OK')
      const again = restarted(device)
      const [publicKey, privateKey] = [refound(device, again, 'PUBLIC_KEY'), refound(device, again, 'PRIVATE_KEY')]
      device.expect(device.verify(again, { type: signs }, publicKey, digest, before.bytes), 'OK')
      const after = device.sign(again, { type: signs }, privateKey, digest)
      device.expect(after.rv, 'OK')
      device.expect(device.verify(again, { type: signs }, publicKey, digest, after.bytes), 'OK')
    },
  )
}

const ATTRIBUTES: readonly (keyof typeof CKA)[] = [
  ...(['CLASS', 'KEY_TYPE', 'TOKEN', 'PRIVATE', 'LABEL', 'ID', 'SENSITIVE', 'EXTRACTABLE', 'MODIFIABLE'] as const),
  ...(['ENCRYPT', 'DECRYPT', 'SIGN', 'VERIFY', 'WRAP', 'UNWRAP', 'DERIVE', 'LOCAL', 'KEY_GEN_MECHANISM'] as const),
  ...(['ALWAYS_SENSITIVE', 'NEVER_EXTRACTABLE', 'VALUE_LEN', 'START_DATE', 'END_DATE', 'TRUSTED'] as const),
]

const same = (type: keyof typeof CKA): Check =>
  row(
    `attribute.${type.toLowerCase().replaceAll('_', '-')}`,
    'major',
    `CKA_${type} of a stored key is the same after a restart`,
    ['AES_KEY_GEN'],
    (device) => {
      const session = device.session()
      const key = sensitiveKey(device, session, { type: 'ID', value: Buffer.from('an id') })
      const before = device.get(session, key, type)
      const again = restarted(device)
      const after = device.get(again, refound(device, again), type)
      device.require(before.rv === after.rv, 'the same answer', 'another one')
      device.require(before.bytes.equals(after.bytes), before.bytes.toString('hex'), after.bytes.toString('hex'))
    },
  )

const CHANGED = row('changed', 'major', 'An attribute that was changed stays changed', ['AES_KEY_GEN'], (device) => {
  const session = device.session()
  const key = sensitiveKey(device, session, { type: 'ID', value: Buffer.from('first') })
  device.expect(device.set(session, key, [{ type: 'ID', value: Buffer.from('second') }]), 'OK')
  const again = restarted(device)
  const id = device.get(again, refound(device, again), 'ID').bytes.toString()
  device.require(id === 'second', 'second', id)
})

const DESTROYED = row('destroyed', 'critical', 'An object that was destroyed stays away', ['AES_KEY_GEN'], (device) => {
  const session = device.session()
  device.expect(device.call('C_DestroyObject', session, sensitiveKey(device, session)), 'OK')
  const found = device.find(restarted(device), [{ type: 'LABEL', value: device.label }])
  device.require(found.length === 0, 'nothing', `${found.length} objects`)
})

const dataObject = (device: Device, token: boolean): Template => [
  { type: 'CLASS', value: CKO.DATA },
  { type: 'TOKEN', value: token },
  { type: 'LABEL', value: device.label },
  { type: 'VALUE', value: TEXT },
]

const DATA = row('data', 'major', 'A stored data object keeps its value', [], (device) => {
  device.expect(device.create(device.session(), dataObject(device, true)).rv, 'OK')
  const again = restarted(device)
  const { bytes } = device.get(again, refound(device, again), 'VALUE')
  device.require(bytes.equals(TEXT), 'its value', `${bytes.length} other bytes`)
})

/** Stores nothing, so that it is done without --write too. */
const OF_THE_SESSION: Check = {
  ...row('session-object', 'major', 'An object of the session is gone after a restart', [], (device) => {
    device.expect(device.create(device.session(), dataObject(device, false)).rv, 'OK')
    const found = device.find(restarted(device), [{ type: 'LABEL', value: device.label }])
    device.require(found.length === 0, 'nothing', `${found.length} objects`)
  }),
  writes: false,
}

const PUBLIC_VALUE = row(
  'imported',
  'critical',
  'A stored key that was brought in keeps its value',
  ['AES_KEY_GEN'],
  (device) => {
    const value = Buffer.alloc(32, 0x51)
    const key: Template = [
      { type: 'CLASS', value: CKO.SECRET_KEY },
      { type: 'KEY_TYPE', value: CKK.AES },
      { type: 'VALUE', value },
      { type: 'SENSITIVE', value: false },
      { type: 'EXTRACTABLE', value: true },
    ]
    const { rv } = device.create(device.session(), stored(device, ...key))
    if (rv !== 0) device.skip('the token does not take a key with C_CreateObject')
    const again = restarted(device)
    const { bytes } = device.get(again, refound(device, again), 'VALUE')
    device.require(bytes.equals(value), 'its value', `${bytes.length} other bytes`)
  },
)

/** Another process sees what this one stored, while this one is there. */
const elsewhere = (id: string, title: string, again: boolean): Check =>
  row(id, 'critical', title, ['AES_KEY_GEN', 'AES_GCM'], async (device) => {
    const session = device.session()
    const sealed = device.encrypt(session, GCM, sensitiveKey(device, session), TEXT)
    device.expect(sealed.rv, 'OK')
    if (again) device.expect(device.call('C_Finalize', null), 'OK')
    const came = await visited(device, sealed.bytes)
    if (again) initialize(device.module)
    device.require(came.found === 1, 'the one object that was stored', `${came.found} objects`)
    device.require(came.plaintext === TEXT.toString('hex'), 'the plaintext', 'another one')
  })

function visited(device: Device, sealed: Buffer): Promise<Visited> {
  const { module, slot, pin, label } = device
  const asked: Visit = { module: module.path, slot, pin, label, iv: IV.toString('hex'), sealed: sealed.toString('hex') }
  return new Promise((resolve, reject) => {
    const child = fork(SCRIPT, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
    child.once('message', (came) => resolve(came as Visited))
    child.once('exit', (code) =>
      reject(new Finding('another process to find the key', `it ended, by ${code ?? 'a signal'}`)),
    )
    child.send(asked)
  })
}

const SCRIPT = fileURLToPath(new URL(`../visitor${extname(fileURLToPath(import.meta.url))}`, import.meta.url))

export const PERSISTENCE: readonly Check[] = [
  SECRET,
  pair('rsa'),
  pair('ec'),
  ...ATTRIBUTES.map(same),
  CHANGED,
  DESTROYED,
  DATA,
  OF_THE_SESSION,
  PUBLIC_VALUE,
  elsewhere('other-process', 'Another process finds a key that this one stored, and decrypts with it', false),
  elsewhere('new-process', 'A new process finds a key when this one has ended the module, and decrypts with it', true),
]
