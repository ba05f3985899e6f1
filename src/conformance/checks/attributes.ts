/** Attributes of keys: what they are when nobody said anything, and what the token alone decides. */
import type { Check } from '../check.ts'
import type { Template } from '../cryptoki/memory.ts'
import { nameOf, WORD, wordIn } from '../cryptoki/memory.ts'
import { CKK, CKM, CKO, CKR, type CKA } from '../cryptoki/numbers.ts'
import type { Device } from '../device.ts'
import { aesKey, ecPair, importedOrSkip, pointIn, rsaPair } from '../keys.ts'
import { data, secret, sensitiveKey } from '../samples.ts'
import { row, slug } from '../row.ts'

const KEY = Buffer.alloc(32, 7)
/** CK_UNAVAILABLE_INFORMATION, as a CK_ULONG is read. */
const UNAVAILABLE = -1

type Maker = (device: Device, session: number) => number
type Expected = boolean | number | ''

/** Objects made with as little said as may be, and what is true of them. */
const generated: Maker = (device, session) => {
  const { rv, handle } = device.generate(session, { type: 'AES_KEY_GEN' }, [{ type: 'VALUE_LEN', value: 32 }])
  device.expect(rv, 'OK')
  return handle
}
const imported: Maker = (device, session) =>
  importedOrSkip(device, session, secret('AES', { type: 'VALUE', value: KEY }), 'an AES key')
const bytes: Maker = (device, session) => made(device, session, [{ type: 'CLASS', value: CKO.DATA }])
const privateKey: Maker = (device, session) => pair(device, session).privateKey
const publicKey: Maker = (device, session) => pair(device, session).publicKey

const STORAGE = { TOKEN: false, MODIFIABLE: true, COPYABLE: true, DESTROYABLE: true, LABEL: '' } as const
const A_KEY = { ID: '', START_DATE: '', END_DATE: '', DERIVE: false } as const

type Facts = Readonly<Partial<Record<keyof typeof CKA, Expected>>>

/** What each kind of object is called, where it is described, how it is made, and what is true of it. */
const DEFAULTS: Readonly<Record<string, readonly [string, string, Maker, Facts]>> = {
  data: ['some bytes', '4.5 Data objects', bytes, { ...STORAGE, APPLICATION: '', OBJECT_ID: '' }],
  'generated-aes': [
    'a generated AES key',
    '4.10 Secret key objects',
    generated,
    {
      ...STORAGE,
      ...A_KEY,
      ...{ LOCAL: true, KEY_GEN_MECHANISM: CKM.AES_KEY_GEN, VALUE_LEN: 32, KEY_TYPE: CKK.AES, CLASS: CKO.SECRET_KEY },
      ...{ TRUSTED: false, WRAP_WITH_TRUSTED: false },
    },
  ],
  'imported-aes': [
    'an imported AES key',
    '4.10 Secret key objects',
    imported,
    {
      ...{ LOCAL: false, KEY_GEN_MECHANISM: UNAVAILABLE, VALUE_LEN: 32, TRUSTED: false, WRAP_WITH_TRUSTED: false },
      ...{ ALWAYS_SENSITIVE: false, NEVER_EXTRACTABLE: false },
    },
  ],
  'ec-private': [
    'a private EC key',
    '4.9 Private key objects',
    privateKey,
    {
      ...{ LOCAL: true, KEY_GEN_MECHANISM: CKM.EC_KEY_PAIR_GEN, KEY_TYPE: CKK.EC, CLASS: CKO.PRIVATE_KEY },
      ...{ ALWAYS_AUTHENTICATE: false, WRAP_WITH_TRUSTED: false, ID: '', SUBJECT: '' },
    },
  ],
  'ec-public': [
    'a public EC key',
    '4.8 Public key objects',
    publicKey,
    {
      ...{ LOCAL: true, KEY_GEN_MECHANISM: CKM.EC_KEY_PAIR_GEN, KEY_TYPE: CKK.EC, CLASS: CKO.PUBLIC_KEY },
      ...{ TRUSTED: false, ID: '' },
    },
  ],
}
/** What others build on: who may know a key, and where it is from. */
const ORIGIN: readonly string[] = ['LOCAL', 'ALWAYS_SENSITIVE', 'NEVER_EXTRACTABLE', 'KEY_GEN_MECHANISM']

const defaults = Object.entries(DEFAULTS).flatMap(([kind, [what, where, make, facts]]) =>
  Object.entries(facts).map(([type, value]) =>
    row(
      `attribute.default.${kind}.${slug(type)}`,
      ORIGIN.includes(type) ? 'major' : 'minor',
      where,
      `CKA_${type} of ${what} that nothing else was said of is ${shown(type, value)}`,
      (device) => {
        const session = device.session()
        is(device, session, make(device, session), type as keyof typeof CKA, value)
      },
      { needs: kind.startsWith('ec') ? ['EC_KEY_PAIR_GEN'] : kind === 'generated-aes' ? ['AES_KEY_GEN'] : [] },
    ),
  ),
)

/** Attributes that are true of a key from the day it is made, or never. */
const HISTORY: readonly (readonly [string, boolean, boolean, boolean, boolean])[] = [
  // What it is, then: is it sensitive, is it extractable, was it always the one, was it never the other.
  ['closed', true, false, true, true],
  ['sensitive', true, true, true, false],
  ['open', false, true, false, false],
]

const history = HISTORY.flatMap(([name, sensitive, extractable, always, never]) => {
  const facts = { ALWAYS_SENSITIVE: always, NEVER_EXTRACTABLE: never } as const
  return Object.entries(facts).map(([type, value]) =>
    row(
      `attribute.history.${name}.${slug(type)}`,
      'major',
      '4.10 Secret key objects',
      `CKA_${type} of a key that was made ${name} is ${value}`,
      (device) => {
        const session = device.session()
        const key = sensitive ? sensitiveKey(device, session, extractable) : aesKey(device, session, ['ENCRYPT'])
        is(device, session, key, type as keyof typeof CKA, value)
      },
      { needs: ['AES_KEY_GEN'] },
    ),
  )
})

const closing: readonly Check[] = [
  row(
    'attribute.history.closed-later',
    'critical',
    '4.10 Secret key objects',
    'a key that was open once was not always sensitive',
    (device) => {
      const session = device.session()
      const key = aesKey(device, session, ['ENCRYPT'])
      device.expect(
        device.set(session, key, [
          { type: 'SENSITIVE', value: true },
          { type: 'EXTRACTABLE', value: false },
        ]),
        'OK',
      )
      is(device, session, key, 'ALWAYS_SENSITIVE', false)
      is(device, session, key, 'NEVER_EXTRACTABLE', false)
      is(device, session, key, 'SENSITIVE', true)
      is(device, session, key, 'EXTRACTABLE', false)
    },
    { needs: ['AES_KEY_GEN'] },
  ),
  row(
    'attribute.history.copied',
    'major',
    '4.1.3 Copying objects',
    'the copy of a key has the history of the key',
    (device) => {
      const session = device.session()
      const key = sensitiveKey(device, session, false)
      const { rv, handle } = device.copy(session, key, [{ type: 'LABEL', value: device.label }])
      device.expect(rv, 'OK')
      for (const type of ['ALWAYS_SENSITIVE', 'NEVER_EXTRACTABLE', 'LOCAL'] as const)
        is(device, session, handle, type, true)
    },
    { needs: ['AES_KEY_GEN'] },
  ),
  row(
    'attribute.unique-id',
    'minor',
    '4.4.1 The CKA_UNIQUE_ID attribute',
    'each object has an id of its own',
    (device) => {
      if (device.module.version.major < 3) device.skip('the module is of a version before 3.0')
      const session = device.session()
      const ids = [0, 1].map(() =>
        device.get(session, made(device, session, data(device)), 'UNIQUE_ID').bytes.toString(),
      )
      device.require(ids[0] !== '' && ids[0] !== ids[1], 'two ids', ids.join(' and ') || 'none')
    },
  ),
  row(
    'attribute.unique-id.set',
    'minor',
    '4.4.1 The CKA_UNIQUE_ID attribute',
    'nobody tells an object its id',
    (device) => {
      if (device.module.version.major < 3) device.skip('the module is of a version before 3.0')
      const session = device.session()
      const object = made(device, session, data(device))
      const rv = device.set(session, object, [{ type: 'UNIQUE_ID', value: 'mine' }])
      device.expect(rv, 'ATTRIBUTE_READ_ONLY', 'TEMPLATE_INCONSISTENT', 'ACTION_PROHIBITED')
    },
  ),
  row(
    'attribute.check-value',
    'minor',
    '4.10 Secret key objects, CKA_CHECK_VALUE',
    'the check value of a key is the start of a block of zeros in it',
    (device) => {
      const session = device.session()
      const key = aesKey(device, session, ['ENCRYPT'])
      const { rv, bytes: check } = device.get(session, key, 'CHECK_VALUE')
      if (rv === CKR.ATTRIBUTE_TYPE_INVALID || check.length === 0) device.skip('the token has no check values')
      const block = device.encrypt(session, { type: 'AES_ECB' }, key, Buffer.alloc(16)).bytes.subarray(0, 3)
      device.require(block.equals(check), 'the 3 bytes of the standard', `${check.length} others`)
    },
    { needs: ['AES_KEY_GEN', 'AES_ECB'] },
  ),
  row(
    'attribute.check-value.wrong',
    'minor',
    '4.10 Secret key objects, CKA_CHECK_VALUE',
    'a key is not imported with the check value of another',
    (device) => {
      const session = device.session()
      const told = secret('AES', { type: 'VALUE', value: KEY }, { type: 'CHECK_VALUE', value: Buffer.from('abc') })
      const { rv, handle } = device.create(session, told)
      if (rv === CKR.OK && device.get(session, handle, 'CHECK_VALUE').rv === CKR.ATTRIBUTE_TYPE_INVALID)
        device.skip('the token has no check values')
      device.expect(
        rv,
        'ATTRIBUTE_VALUE_INVALID',
        'TEMPLATE_INCONSISTENT',
        'ATTRIBUTE_TYPE_INVALID',
        'ATTRIBUTE_READ_ONLY',
      )
    },
  ),
  row('attribute.id', 'major', '4.7 Key objects', 'an id is kept as it was given', (device) => {
    const session = device.session()
    const id = Buffer.from('00ff80017e', 'hex')
    const key = importedOrSkip(
      device,
      session,
      secret('AES', { type: 'VALUE', value: KEY }, { type: 'ID', value: id }),
      'an AES key',
    )
    const found = device.get(session, key, 'ID').bytes
    device.require(found.equals(id), id.toString('hex'), found.toString('hex'))
  }),
  row('attribute.date', 'note', '4.7 Key objects', 'dates of a key are kept', (device) => {
    const session = device.session()
    const key = importedOrSkip(
      device,
      session,
      secret('AES', { type: 'VALUE', value: KEY }, { type: 'START_DATE', value: '20260101' }),
      'an AES key',
    )
    const { rv, bytes: date } = device.get(session, key, 'START_DATE')
    device.expect(rv, 'OK')
    const found = date.toString()
    device.require(found === '20260101', '20260101', found)
  }),
  row(
    'attribute.modulus',
    'major',
    '6.1.2 RSA public key objects',
    'a modulus is as long as was asked for, without zeros before it',
    (device) => {
      const session = device.session()
      const { rv, publicKey: key } = rsaPair(device, session, ['VERIFY'], ['SIGN'])
      device.expect(rv, 'OK')
      const modulus = device.get(session, key, 'MODULUS').bytes
      device.require(modulus.length === 256 && modulus[0]! >= 0x80, '2048 bits', `${modulus.length} bytes`)
      is(device, session, key, 'MODULUS_BITS', 2048)
    },
    { needs: ['RSA_PKCS_KEY_PAIR_GEN'] },
  ),
  row(
    'attribute.exponent',
    'major',
    '6.1.2 RSA public key objects',
    'the public exponent is the one that was asked for, in both keys',
    (device) => {
      const session = device.session()
      const { publicKey: open, privateKey: own } = rsaPair(device, session, ['VERIFY'], ['SIGN'])
      const found = [open, own].map((key) => device.get(session, key, 'PUBLIC_EXPONENT').bytes.toString('hex'))
      device.require(
        found.every((each) => each === '010001'),
        '010001 twice',
        found.join(' and '),
      )
    },
    { needs: ['RSA_PKCS_KEY_PAIR_GEN'] },
  ),
  row(
    'attribute.point',
    'minor',
    '6.3.3 Short Weierstrass elliptic curve public key objects',
    'a point is a DER OCTET STRING',
    (device) => {
      const session = device.session()
      const { bytes: point } = device.get(session, publicKey(device, session), 'EC_POINT')
      const inner = pointIn(point)
      device.require(
        inner !== point && inner[0] === 4 && inner.length === 65,
        '0441 04…',
        point.subarray(0, 3).toString('hex'),
      )
    },
    { needs: ['EC_KEY_PAIR_GEN'] },
  ),
  row(
    'attribute.public-key-info',
    'note',
    '4.9 Private key objects',
    'the public key of a private one is told with it',
    (device) => {
      const session = device.session()
      const { rv, bytes: info } = device.get(session, privateKey(device, session), 'PUBLIC_KEY_INFO')
      device.expect(rv, 'OK')
      device.require(
        info.length === 0 || info[0] === 0x30,
        'a SubjectPublicKeyInfo, or nothing',
        info.subarray(0, 3).toString('hex'),
      )
    },
    { needs: ['EC_KEY_PAIR_GEN'] },
  ),
]

export const ATTRIBUTES: readonly Check[] = [...defaults, ...history, ...closing]

function made(device: Device, session: number, template: Template): number {
  const { rv, handle } = device.create(session, template)
  device.expect(rv, 'OK')
  return handle
}

function pair(device: Device, session: number): { readonly publicKey: number; readonly privateKey: number } {
  const found = ecPair(device, session, 'secp256r1', ['VERIFY'], ['SIGN'])
  device.expect(found.rv, 'OK')
  return found
}

function shown(type: string, value: Expected): string {
  if (value === '') return 'empty'
  if (value === UNAVAILABLE) return 'CK_UNAVAILABLE_INFORMATION'
  if (type === 'CLASS') return nameOf(CKO, 'CKO', Number(value))
  if (type === 'KEY_TYPE') return nameOf(CKK, 'CKK', Number(value))
  return type === 'KEY_GEN_MECHANISM' ? nameOf(CKM, 'CKM', Number(value)) : String(value)
}

function is(device: Device, session: number, object: number, type: keyof typeof CKA, wanted: Expected): void {
  const { rv, bytes: found } = device.get(session, object, type)
  device.expect(rv, 'OK')
  const value = like(wanted, found)
  device.require(value === wanted, `CKA_${type} ${shown(type, wanted)}`, shown(type, value as Expected))
}

/** Bytes as what they should be, or in hexadecimal. */
function like(wanted: Expected, found: Buffer): boolean | number | string {
  if (typeof wanted === 'number' && found.length === WORD) return wordIn(found)
  return typeof wanted === 'boolean' && found.length === 1 ? found[0] !== 0 : found.toString('hex')
}
