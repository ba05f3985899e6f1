/** Looking for objects, and reading their attributes. */
import type { Check } from '../check.ts'
import { template, word, WORD, wordIn, type Template } from '../cryptoki/memory.ts'
import { CKO } from '../cryptoki/numbers.ts'
import type { Device } from '../device.ts'
import { data, sensitiveKey } from '../samples.ts'
import { row } from '../row.ts'

const NOWHERE = 0x7fff_ff00
/** Bytes that a module has no reason to write. */
const UNTOUCHED = 0x5a

const finding: readonly Check[] = [
  row('find.label', 'critical', 'C_FindObjectsInit', 'an object is found by its label', (device) => {
    const session = device.session()
    const made = several(device, session, 3)
    same(device, device.find(session, [{ type: 'LABEL', value: device.label }]), made)
  }),
  row('find.two-attributes', 'major', 'C_FindObjectsInit', 'what is found has all that was asked for', (device) => {
    const session = device.session()
    const [, wanted] = several(device, session, 3)
    same(
      device,
      device.find(session, [
        { type: 'LABEL', value: device.label },
        { type: 'APPLICATION', value: 'app 1' },
      ]),
      [wanted!],
    )
  }),
  row(
    'find.all',
    'major',
    'C_FindObjectsInit',
    'who asks for nothing finds everything',
    (device) => {
      const session = device.session()
      const made = several(device, session, 3)
      const all = device.find(session, [], 5000)
      if (all.length === 5000) device.skip('there is more than is looked through')
      const missing = made.filter((each) => !all.includes(each)).length
      device.require(missing === 0, 'all of 3', `${missing} of 3 missing`)
    },
    { profiles: ['baseline', 'extended'] },
  ),
  row('find.none', 'major', 'C_FindObjects', 'nothing is found where there is nothing', (device) => {
    const session = device.session()
    expectPages(device, session, [{ type: 'LABEL', value: `${device.label} is not there` }], 4, [0])
  }),
  row('find.prefix', 'minor', 'C_FindObjectsInit', 'a part of a label is another label', (device) => {
    const session = device.session()
    several(device, session, 1)
    const found = device.find(session, [{ type: 'LABEL', value: device.label.slice(0, -1) }]).length
    device.require(found === 0, 'nothing found', `${found} found`)
  }),
  row(
    'find.unknown-attribute',
    'minor',
    'C_FindObjectsInit',
    'no object has an attribute that there is not',
    (device) => {
      const session = device.session()
      several(device, session, 1)
      const found = device.find(session, [{ type: 0x7fff_0000, value: true }]).length
      device.require(found === 0, 'nothing found', `${found} found`)
    },
  ),
  row('find.class', 'major', 'C_FindObjectsInit', 'objects of another class are not found', (device) => {
    const session = device.session()
    several(device, session, 2)
    const found = device.find(session, [
      { type: 'LABEL', value: device.label },
      { type: 'CLASS', value: CKO.SECRET_KEY },
    ]).length
    device.require(found === 0, 'nothing found', `${found} found`)
  }),
  row('find.once', 'major', 'C_FindObjects', 'nothing is found twice', (device) => {
    const session = device.session()
    several(device, session, 5)
    const found = device.find(session, [{ type: 'LABEL', value: device.label }])
    device.require(new Set(found).size === found.length, '5 objects', found.join(', '))
  }),
  row('find.page', 'major', 'C_FindObjects', 'objects come one by one to who asks so, and then no more', (device) => {
    const session = device.session()
    several(device, session, 3)
    expectPages(device, session, [{ type: 'LABEL', value: device.label }], 1, [1, 1, 1, 0])
  }),
  row('find.page.rest', 'major', 'C_FindObjects', 'the last page has the rest', (device) => {
    const session = device.session()
    several(device, session, 5)
    expectPages(device, session, [{ type: 'LABEL', value: device.label }], 3, [3, 2, 0])
  }),
  row('find.page.bounds', 'critical', 'C_FindObjects', 'not more is written than there is room for', (device) => {
    const session = device.session()
    several(device, session, 4)
    begin(device, session, [{ type: 'LABEL', value: device.label }])
    const [room, count] = [Buffer.alloc(8 * WORD, UNTOUCHED), word()]
    device.expect(device.call('C_FindObjects', session, room, 2, count), 'OK')
    device.require(
      room.subarray(2 * WORD).every((byte) => byte === UNTOUCHED),
      '2 handles written',
      'more written',
    )
  }),
  row('find.active', 'major', 'C_FindObjectsInit', 'a session looks for one thing at a time', (device) => {
    const session = device.session()
    begin(device, session, [])
    device.expect(device.call('C_FindObjectsInit', session, null, 0), 'OPERATION_ACTIVE')
  }),
  row('find.final.again', 'major', 'C_FindObjectsFinal', 'after a search there can be another', (device) => {
    const session = device.session()
    begin(device, session, [])
    device.expect(device.call('C_FindObjectsFinal', session), 'OK')
    begin(device, session, [])
  }),
  row('find.not-begun', 'major', 'C_FindObjects', 'nothing is found by a search that was not begun', (device) =>
    device.expect(
      device.call('C_FindObjects', device.session(), Buffer.alloc(WORD), 1, word()),
      'OPERATION_NOT_INITIALIZED',
    ),
  ),
  row('find.final.not-begun', 'minor', 'C_FindObjectsFinal', 'a search that was not begun is not ended', (device) =>
    device.expect(device.call('C_FindObjectsFinal', device.session()), 'OPERATION_NOT_INITIALIZED'),
  ),
  row('find.sessions', 'critical', 'C_FindObjectsInit', 'two sessions look for things at the same time', (device) => {
    const [one, other] = [device.session(), device.session()]
    several(device, one, 2)
    begin(device, one, [{ type: 'LABEL', value: device.label }])
    begin(device, other, [{ type: 'LABEL', value: `${device.label} is not there` }])
    const counts = [page(device, one, 4), page(device, other, 4)].join()
    device.require(counts === '2,0', '2 and 0 found', counts)
  }),
  row(
    'find.destroyed-meanwhile',
    'major',
    'C_FindObjects',
    'a search lives through the end of what it looks for',
    (device) => {
      const session = device.session()
      const [first, second] = several(device, session, 2)
      begin(device, session, [{ type: 'LABEL', value: device.label }])
      for (const each of [first!, second!]) device.call('C_DestroyObject', session, each)
      device.expect(device.call('C_FindObjects', session, Buffer.alloc(4 * WORD), 4, word()), 'OK')
    },
  ),
]

const reading: readonly Check[] = [
  row('attribute.read.length', 'major', 'C_GetAttributeValue', 'who gives no room is told the length', (device) => {
    const { session, object } = sample(device)
    const asked = template([{ type: 'VALUE', value: null }])
    device.expect(device.call('C_GetAttributeValue', session, object, asked, 1), 'OK')
    lengthsAre(device, asked, [12])
  }),
  row(
    'attribute.read.too-small',
    'major',
    'C_GetAttributeValue',
    'who gives too little room gets nothing',
    (device) => {
      const { session, object } = sample(device)
      const place = Buffer.alloc(4, UNTOUCHED)
      const asked = template([{ type: 'VALUE', value: place }])
      device.expect(device.call('C_GetAttributeValue', session, object, asked, 1), 'BUFFER_TOO_SMALL')
      lengthsAre(device, asked, [-1])
      device.require(
        place.every((byte) => byte === UNTOUCHED),
        'nothing written',
        'something written',
      )
    },
  ),
  row('attribute.read.exact', 'major', 'C_GetAttributeValue', 'who gives just enough room gets all', (device) => {
    const { session, object } = sample(device)
    const place = Buffer.alloc(13, UNTOUCHED)
    const asked = template([{ type: 'VALUE', value: place.subarray(0, 12) }])
    device.expect(device.call('C_GetAttributeValue', session, object, asked, 1), 'OK')
    device.require(place[12] === UNTOUCHED, 'nothing written behind', 'a byte written behind')
  }),
  row(
    'attribute.read.unknown',
    'minor',
    'C_GetAttributeValue',
    'an attribute that there is not is invalid',
    (device) => {
      const { session, object } = sample(device)
      const asked = template([{ type: 0x7fff_0000, value: Buffer.alloc(8) }])
      device.expect(device.call('C_GetAttributeValue', session, object, asked, 1), 'ATTRIBUTE_TYPE_INVALID')
      lengthsAre(device, asked, [-1])
    },
  ),
  row(
    'attribute.read.foreign',
    'minor',
    'C_GetAttributeValue',
    'an attribute of another kind of object is invalid',
    (device) => {
      const { session, object } = sample(device)
      device.expect(device.get(session, object, 'MODULUS').rv, 'ATTRIBUTE_TYPE_INVALID')
    },
  ),
  row(
    'attribute.read.unknown-among',
    'major',
    'C_GetAttributeValue',
    'what can be read is read beside what there is not',
    (device) => {
      const { session, object } = sample(device)
      const value = Buffer.alloc(12)
      const asked = template([
        { type: 'LABEL', value: Buffer.alloc(64) },
        { type: 0x7fff_0000, value: Buffer.alloc(8) },
        { type: 'VALUE', value },
      ])
      device.expect(device.call('C_GetAttributeValue', session, object, asked, 3), 'ATTRIBUTE_TYPE_INVALID')
      lengthsAre(device, asked, [device.label.length, -1, 12])
      device.require(value.toString() === 'of no matter', 'the value', 'other bytes')
    },
  ),
  row(
    'attribute.read.sensitive-among',
    'major',
    'C_GetAttributeValue',
    'what can be read is read beside what is sensitive',
    (device) => {
      const session = device.session()
      const key = sensitiveKey(device, session, false)
      const asked = template([
        { type: 'VALUE', value: Buffer.alloc(32) },
        { type: 'KEY_TYPE', value: Buffer.alloc(WORD) },
      ])
      device.expect(device.call('C_GetAttributeValue', session, key, asked, 2), 'ATTRIBUTE_SENSITIVE')
      lengthsAre(device, asked, [-1, WORD])
    },
    { needs: ['AES_KEY_GEN'] },
  ),
  row(
    'attribute.read.too-small-among',
    'major',
    'C_GetAttributeValue',
    'what has room is read beside what has too little',
    (device) => {
      const { session, object } = sample(device)
      const asked = template([
        { type: 'LABEL', value: Buffer.alloc(1) },
        { type: 'VALUE', value: Buffer.alloc(12) },
      ])
      device.expect(device.call('C_GetAttributeValue', session, object, asked, 2), 'BUFFER_TOO_SMALL')
      lengthsAre(device, asked, [-1, 12])
    },
  ),
  row('attribute.read.handle', 'minor', 'C_GetAttributeValue', 'nothing is read of what is not there', (device) =>
    device.expect(device.get(device.session(), NOWHERE, 'LABEL').rv, 'OBJECT_HANDLE_INVALID'),
  ),
  row('attribute.read.handle-0', 'minor', 'C_GetAttributeValue', 'no object has the handle 0', (device) =>
    device.expect(device.get(device.session(), 0, 'LABEL').rv, 'OBJECT_HANDLE_INVALID'),
  ),
  row('attribute.read.empty', 'minor', 'C_GetAttributeValue', 'an attribute of no bytes is read as such', (device) => {
    const session = device.session()
    const { handle } = device.create(session, [
      { type: 'CLASS', value: CKO.DATA },
      { type: 'LABEL', value: device.label },
    ])
    const { rv, bytes } = device.get(session, handle, 'VALUE')
    device.expect(rv, 'OK')
    device.require(bytes.length === 0, '0 bytes', `${bytes.length} bytes`)
  }),
]

export const SEARCH: readonly Check[] = [...finding, ...reading]

/** Objects that differ in CKA_APPLICATION. */
function several(device: Device, session: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    const { rv, handle } = device.create(session, data(device, false, { type: 'APPLICATION', value: `app ${i}` }))
    device.expect(rv, 'OK')
    return handle
  })
}

function sample(device: Device): { readonly session: number; readonly object: number } {
  const session = device.session()
  return { session, object: several(device, session, 1)[0]! }
}

function same(device: Device, found: readonly number[], wanted: readonly number[]): void {
  const equal = found.length === wanted.length && wanted.every((each) => found.includes(each))
  device.require(equal, `objects ${wanted.join(', ')}`, `objects ${found.join(', ')}`)
}

function begin(device: Device, session: number, attributes: Template): void {
  const list = attributes.length === 0 ? null : template(attributes)
  device.expect(device.call('C_FindObjectsInit', session, list, attributes.length), 'OK')
}

function page(device: Device, session: number, most: number): number {
  const count = word()
  device.expect(device.call('C_FindObjects', session, Buffer.alloc(most * WORD), most, count), 'OK')
  return wordIn(count)
}

/** Looks page by page, and says so unless they are as large as that. */
function expectPages(
  device: Device,
  session: number,
  attributes: Template,
  most: number,
  sizes: readonly number[],
): void {
  begin(device, session, attributes)
  const found = sizes.map(() => page(device, session, most)).join()
  device.require(found === sizes.join(), `pages of ${sizes.join()}`, `pages of ${found}`)
  device.expect(device.call('C_FindObjectsFinal', session), 'OK')
}

/** The lengths in a template that was answered; -1 is CK_UNAVAILABLE_INFORMATION. */
function lengthsAre(device: Device, asked: Buffer, wanted: readonly number[]): void {
  const found = wanted.map((_, i) => wordIn(asked, (3 * i + 2) * WORD)).join(', ')
  device.require(found === wanted.join(', '), `lengths ${wanted.join(', ')}`, `lengths ${found}`)
}
