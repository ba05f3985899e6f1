/** Objects: created, copied, changed and destroyed, and everything that may be wrong with a template. */
import type { Check } from '../check.ts'
import type { Template } from '../cryptoki/memory.ts'
import { word, wordIn } from '../cryptoki/memory.ts'
import { CKK, CKO, CKR, type CKA } from '../cryptoki/numbers.ts'
import type { Device, ReturnValue } from '../device.ts'
import { aesKey } from '../keys.ts'
import { data, secret } from '../samples.ts'
import { row, slug } from '../row.ts'

const CREATING = '4.1.1 Creating objects'
const MODIFYING = '4.1.2 Modifying objects'
const COPYING = '4.1.3 Copying objects'
const NOWHERE = 0x7fff_ff00
const VALUE = { type: 'VALUE', value: Buffer.alloc(32, 7) } as const

/** Templates that no object can be made of, and what may be answered. */
const WRONG: Readonly<Record<string, readonly [string, (device: Device) => Template, ...ReturnValue[]]>> = {
  'no-class': ['without a class', () => [{ type: 'LABEL', value: 'no class' }], 'TEMPLATE_INCOMPLETE'],
  empty: ['of nothing', () => [], 'TEMPLATE_INCOMPLETE', 'ARGUMENTS_BAD'],
  'no-key-type': [
    'of a key of no type',
    () => [{ type: 'CLASS', value: CKO.SECRET_KEY }, VALUE],
    'TEMPLATE_INCOMPLETE',
  ],
  'no-value': ['of an AES key without its value', () => secret('AES'), 'TEMPLATE_INCOMPLETE'],
  'no-modulus': [
    'of an RSA key without its modulus',
    () => publicKey('RSA', { type: 'PUBLIC_EXPONENT', value: Buffer.of(1, 0, 1) }),
    'TEMPLATE_INCOMPLETE',
  ],
  'no-point': [
    'of an EC key without its point',
    () => publicKey('EC', { type: 'EC_PARAMS', value: Buffer.from('06082a8648ce3d030107', 'hex') }),
    'TEMPLATE_INCOMPLETE',
  ],
  'no-certificate-type': [
    'of a certificate of no type',
    () => [{ type: 'CLASS', value: CKO.CERTIFICATE }, VALUE],
    'TEMPLATE_INCOMPLETE',
  ],
  'unknown-class': [
    'of a class that there is not',
    () => [{ type: 'CLASS', value: 0x7fff }],
    'ATTRIBUTE_VALUE_INVALID',
    'TEMPLATE_INCONSISTENT',
  ],
  'unknown-key-type': [
    'of a key of a type that there is not',
    () => [{ type: 'CLASS', value: CKO.SECRET_KEY }, { type: 'KEY_TYPE', value: 0x7fff }, VALUE],
    'ATTRIBUTE_VALUE_INVALID',
    'TEMPLATE_INCONSISTENT',
    'KEY_TYPE_INCONSISTENT',
  ],
  'unknown-attribute': [
    'with an attribute that there is not',
    (device) => data(device, false, { type: 0x7fff_0000, value: true }),
    'ATTRIBUTE_TYPE_INVALID',
    'TEMPLATE_INCONSISTENT',
  ],
  'foreign-attribute': [
    'of an AES key with a modulus',
    () => secret('AES', VALUE, { type: 'MODULUS', value: Buffer.alloc(256, 3) }),
    'TEMPLATE_INCONSISTENT',
    'ATTRIBUTE_TYPE_INVALID',
  ],
  'bad-boolean': [
    'with a boolean of two bytes',
    (device) => data(device, false, { type: 'MODIFIABLE', value: Buffer.of(1, 0) }),
    'ATTRIBUTE_VALUE_INVALID',
    'TEMPLATE_INCONSISTENT',
  ],
  'bad-number': [
    'with a number of three bytes',
    () => [{ type: 'CLASS', value: Buffer.of(4, 0, 0) }, { type: 'KEY_TYPE', value: CKK.AES }, VALUE],
    'ATTRIBUTE_VALUE_INVALID',
    'TEMPLATE_INCONSISTENT',
    'TEMPLATE_INCOMPLETE',
  ],
  'bad-date': [
    'with a date that is none',
    () => secret('AES', VALUE, { type: 'START_DATE', value: 'tomorrow?' }),
    'ATTRIBUTE_VALUE_INVALID',
    'TEMPLATE_INCONSISTENT',
  ],
  contradicting: [
    'that says one thing and its opposite',
    (device) => data(device, false, { type: 'MODIFIABLE', value: true }, { type: 'MODIFIABLE', value: false }),
    'TEMPLATE_INCONSISTENT',
    'ATTRIBUTE_VALUE_INVALID',
  ],
  'aes-15-bytes': [
    'of an AES key of 15 bytes',
    () => secret('AES', { type: 'VALUE', value: Buffer.alloc(15, 7) }),
    'ATTRIBUTE_VALUE_INVALID',
    'KEY_SIZE_RANGE',
    'TEMPLATE_INCONSISTENT',
  ],
  'aes-33-bytes': [
    'of an AES key of 33 bytes',
    () => secret('AES', { type: 'VALUE', value: Buffer.alloc(33, 7) }),
    'ATTRIBUTE_VALUE_INVALID',
    'KEY_SIZE_RANGE',
    'TEMPLATE_INCONSISTENT',
  ],
  'aes-0-bytes': [
    'of an AES key of no bytes',
    () => secret('AES', { type: 'VALUE', value: '' }),
    'ATTRIBUTE_VALUE_INVALID',
    'KEY_SIZE_RANGE',
    'TEMPLATE_INCONSISTENT',
    'TEMPLATE_INCOMPLETE',
  ],
}

/** What a token alone can know of a key, and nobody tells it. */
const KNOWN_BY_TOKEN = {
  LOCAL: true,
  ALWAYS_SENSITIVE: true,
  NEVER_EXTRACTABLE: true,
  KEY_GEN_MECHANISM: 0x1080,
} as const

const creating: readonly Check[] = [
  row('object.create', 'critical', 'C_CreateObject', 'bytes that were stored come back as they were', (device) => {
    const session = device.session()
    const { rv, handle } = device.create(session, data(device))
    device.expect(rv, 'OK')
    const { bytes } = device.get(session, handle, 'VALUE')
    device.require(bytes.toString() === 'of no matter', 'the same bytes', `${bytes.length} others`)
  }),
  row('object.create.label', 'minor', '4.4 Storage objects', 'labels are UTF-8', (device) => {
    const session = device.session()
    const label = 'Schlüssel 鍵 🔑'
    const { handle } = device.create(session, [
      { type: 'CLASS', value: CKO.DATA },
      { type: 'LABEL', value: label },
    ])
    const found = device.get(session, handle, 'LABEL').bytes.toString()
    device.require(found === label, label, found)
  }),
  ...Object.entries(WRONG).map(([id, [what, template, ...wanted]]) =>
    row(`object.create.${id}`, 'minor', CREATING, `no object is made of a template ${what}`, (device) =>
      device.expect(device.create(device.session(), template(device)).rv, ...wanted),
    ),
  ),
  ...Object.entries(KNOWN_BY_TOKEN).map(([type, value]) =>
    row(`object.create.${slug(type)}`, 'major', CREATING, `nobody tells the token CKA_${type}`, (device) => {
      const template = secret('AES', VALUE, { type: type as keyof typeof CKA, value })
      const { rv } = device.create(device.session(), template)
      device.expect(
        rv,
        'ATTRIBUTE_READ_ONLY',
        'TEMPLATE_INCONSISTENT',
        'ATTRIBUTE_TYPE_INVALID',
        'ATTRIBUTE_VALUE_INVALID',
      )
    }),
  ),
  row(
    'object.create.nothing-left',
    'major',
    '5 Functions',
    'nothing is left of an object that could not be made',
    (device) => {
      const session = device.session()
      const broken = [
        data(device, false, { type: 0x7fff_0000, value: true }),
        data(device, false, { type: 'CLASS', value: 0x7fff }),
      ]
      const made = broken.filter((template) => device.create(session, template).rv === CKR.OK).length
      const left = device.find(session, [{ type: 'LABEL', value: device.label }]).length
      device.require(left === made, `${made} objects`, `${left} objects`)
    },
  ),
]

/** What of a key cannot be another in its copy. */
const UNLIKE: Template = [
  { type: 'CLASS', value: CKO.DATA },
  { type: 'KEY_TYPE', value: CKK.GENERIC_SECRET },
  { type: 'VALUE', value: Buffer.alloc(32, 1) },
  { type: 'LOCAL', value: false },
]

const copying: readonly Check[] = [
  row('object.copy', 'major', 'C_CopyObject', 'a copy is like its original', (device) => {
    const session = device.session()
    const { handle } = device.create(session, data(device))
    const copy = device.copy(session, handle, [{ type: 'LABEL', value: 'a copy' }])
    device.expect(copy.rv, 'OK')
    device.require(copy.handle !== handle, 'a handle of its own', 'the handle of the original')
    const texts = [device.get(session, copy.handle, 'VALUE'), device.get(session, copy.handle, 'LABEL')].map((each) =>
      each.bytes.toString(),
    )
    device.require(texts.join() === 'of no matter,a copy', 'the same value and its own label', texts.join())
  }),
  row('object.copy.original', 'major', 'C_CopyObject', 'an original stays as it was', (device) => {
    const session = device.session()
    const { handle } = device.create(session, data(device))
    device.copy(session, handle, [{ type: 'LABEL', value: 'a copy' }])
    const label = device.get(session, handle, 'LABEL').bytes.toString()
    device.require(label === device.label, device.label, label)
  }),
  row('object.copy.handle', 'minor', 'C_CopyObject', 'what is not there is not copied', (device) =>
    device.expect(
      device.copy(device.session(), NOWHERE, [{ type: 'LABEL', value: 'a copy' }]).rv,
      'OBJECT_HANDLE_INVALID',
    ),
  ),
  row('object.copy.forbidden', 'major', COPYING, 'what is not copyable is not copied', (device) => {
    const session = device.session()
    const { rv, handle } = device.create(session, data(device, false, { type: 'COPYABLE', value: false }))
    device.expect(rv, 'OK')
    device.expect(device.copy(session, handle, [{ type: 'LABEL', value: 'a copy' }]).rv, 'ACTION_PROHIBITED')
  }),
  row(
    'object.copy.token',
    'minor',
    COPYING,
    'an object of a session is copied to the token',
    (device) => {
      const session = device.session()
      const { handle } = device.create(session, data(device))
      device.expect(device.copy(session, handle, [{ type: 'TOKEN', value: true }]).rv, 'OK')
    },
    { writes: true },
  ),
  ...UNLIKE.map((attribute) =>
    row(
      `object.copy.${slug(attribute.type as string)}`,
      'major',
      COPYING,
      `a copy has the CKA_${attribute.type} of its original`,
      (device) => {
        const session = device.session()
        const key = aesKey(device, session, ['ENCRYPT'])
        const { rv } = device.copy(session, key, [attribute])
        device.expect(rv, 'ATTRIBUTE_READ_ONLY', 'TEMPLATE_INCONSISTENT', 'ACTION_PROHIBITED')
      },
      { needs: ['AES_KEY_GEN'] },
    ),
  ),
]

/** What of a key never changes. */
const LASTING: Template = [
  ...UNLIKE,
  { type: 'TOKEN', value: true },
  { type: 'PRIVATE', value: false },
  { type: 'MODIFIABLE', value: false },
  { type: 'VALUE_LEN', value: 16 },
  { type: 'KEY_GEN_MECHANISM', value: 0 },
  { type: 'ALWAYS_SENSITIVE', value: true },
  { type: 'NEVER_EXTRACTABLE', value: true },
]

const changing: readonly Check[] = [
  row('object.set', 'major', 'C_SetAttributeValue', 'a label can be another', (device) => {
    const session = device.session()
    const { handle } = device.create(session, data(device))
    device.expect(device.set(session, handle, [{ type: 'LABEL', value: 'another' }]), 'OK')
    const label = device.get(session, handle, 'LABEL').bytes.toString()
    device.require(label === 'another', 'another', label)
  }),
  ...LASTING.map((attribute) =>
    row(
      `object.set.${slug(attribute.type as string)}`,
      'major',
      MODIFYING,
      `CKA_${attribute.type} of a key never changes`,
      (device) => {
        const session = device.session()
        const key = aesKey(device, session, ['ENCRYPT'], 32, { type: 'PRIVATE', value: true })
        device.expect(
          device.set(session, key, [attribute]),
          'ATTRIBUTE_READ_ONLY',
          'TEMPLATE_INCONSISTENT',
          'ACTION_PROHIBITED',
        )
      },
      { needs: ['AES_KEY_GEN'] },
    ),
  ),
  row(
    'object.set.unknown',
    'minor',
    'C_SetAttributeValue',
    'an attribute that there is not cannot be set',
    (device) => {
      const session = device.session()
      const { handle } = device.create(session, data(device))
      const rv = device.set(session, handle, [{ type: 0x7fff_0000, value: true }])
      device.expect(rv, 'ATTRIBUTE_TYPE_INVALID', 'TEMPLATE_INCONSISTENT')
    },
  ),
  row('object.set.forbidden', 'major', MODIFYING, 'what is not modifiable stays as it is', (device) => {
    const session = device.session()
    const { rv, handle } = device.create(session, data(device, false, { type: 'MODIFIABLE', value: false }))
    device.expect(rv, 'OK')
    device.expect(
      device.set(session, handle, [{ type: 'LABEL', value: 'x' }]),
      'ACTION_PROHIBITED',
      'ATTRIBUTE_READ_ONLY',
    )
    const label = device.get(session, handle, 'LABEL').bytes.toString()
    device.require(label === device.label, device.label, label)
  }),
  row('object.set.half', 'note', '5 Functions', 'all of a template is set, or nothing', (device) => {
    const session = device.session()
    const { handle } = device.create(session, data(device))
    const rv = device.set(session, handle, [
      { type: 'LABEL', value: 'half' },
      { type: 'CLASS', value: CKO.SECRET_KEY },
    ])
    device.require(rv !== CKR.OK, 'an error', 'CKR_OK')
    const label = device.get(session, handle, 'LABEL').bytes.toString()
    device.require(label === device.label, 'the label as it was', label)
  }),
  row('object.set.handle', 'minor', 'C_SetAttributeValue', 'what is not there is not changed', (device) =>
    device.expect(device.set(device.session(), NOWHERE, [{ type: 'LABEL', value: 'x' }]), 'OBJECT_HANDLE_INVALID'),
  ),
]

const ending: readonly Check[] = [
  row('object.destroy', 'critical', 'C_DestroyObject', 'what is destroyed is gone', (device) => {
    const session = device.session()
    const { handle } = device.create(session, data(device))
    device.expect(device.call('C_DestroyObject', session, handle), 'OK')
    device.expect(device.get(session, handle, 'VALUE').rv, 'OBJECT_HANDLE_INVALID')
    const left = device.find(session, [{ type: 'LABEL', value: device.label }]).length
    device.require(left === 0, 'nothing found', `${left} found`)
  }),
  row(
    'object.destroy.stored',
    'critical',
    'C_DestroyObject',
    'what is destroyed in one session is gone in all',
    (device) => {
      const [one, other] = [device.session(), device.session()]
      const { rv, handle } = device.create(one, data(device, true))
      device.expect(rv, 'OK')
      const [seen] = device.find(other, [{ type: 'LABEL', value: device.label }])
      device.require(seen !== undefined, 'found', 'not found')
      device.expect(device.call('C_DestroyObject', one, handle), 'OK')
      device.expect(device.get(other, seen!, 'VALUE').rv, 'OBJECT_HANDLE_INVALID')
    },
    { writes: true },
  ),
  row('object.destroy.twice', 'minor', 'C_DestroyObject', 'an object is destroyed once', (device) => {
    const session = device.session()
    const { handle } = device.create(session, data(device))
    device.call('C_DestroyObject', session, handle)
    device.expect(device.call('C_DestroyObject', session, handle), 'OBJECT_HANDLE_INVALID')
  }),
  row('object.destroy.forbidden', 'major', 'C_DestroyObject', 'what is not destroyable stays', (device) => {
    const session = device.session()
    const { rv, handle } = device.create(session, data(device, false, { type: 'DESTROYABLE', value: false }))
    device.expect(rv, 'OK')
    device.expect(device.call('C_DestroyObject', session, handle), 'ACTION_PROHIBITED')
  }),
  row('object.size', 'note', 'C_GetObjectSize', 'an object has a size, or it is not told', (device) => {
    const session = device.session()
    const { handle } = device.create(session, data(device))
    const size = word()
    const rv = device.call('C_GetObjectSize', session, handle, size)
    device.expect(rv, 'OK', 'INFORMATION_SENSITIVE', 'FUNCTION_NOT_SUPPORTED')
    device.require(rv !== CKR.OK || wordIn(size) !== 0, 'a size or CK_UNAVAILABLE_INFORMATION', '0')
  }),
  row('object.size.handle', 'note', 'C_GetObjectSize', 'what is not there has no size', (device) =>
    device.expect(
      device.call('C_GetObjectSize', device.session(), NOWHERE, word()),
      'OBJECT_HANDLE_INVALID',
      'FUNCTION_NOT_SUPPORTED',
    ),
  ),
]

export const OBJECTS: readonly Check[] = [...creating, ...copying, ...changing, ...ending]

function publicKey(type: keyof typeof CKK, ...more: Template): Template {
  return [{ type: 'CLASS', value: CKO.PUBLIC_KEY }, { type: 'KEY_TYPE', value: CKK[type] }, ...more]
}
