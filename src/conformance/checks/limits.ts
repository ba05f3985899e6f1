/** How much there may be of something: sessions, objects, bytes, and how long it then takes to find one. */
import { randomBytes } from 'node:crypto'
import type { Check, Severity } from '../check.ts'
import type { Template } from '../cryptoki/memory.ts'
import { template, word, wordIn } from '../cryptoki/memory.ts'
import { CKO, CKR } from '../cryptoki/numbers.ts'
import type { Device } from '../device.ts'
import { aesKey, SESSION } from '../keys.ts'

const TOO_MUCH = ['DEVICE_MEMORY', 'HOST_MEMORY', 'TOKEN_RESOURCE_EXCEEDED', 'ATTRIBUTE_VALUE_INVALID'] as const

const sessions = (count: number, severity: Severity): Check => ({
  id: `limits.sessions.${count}`,
  title: `${count} sessions are open at once, or no more than C_GetTokenInfo says`,
  clause: 'PKCS#11 3.1, 5.6.1 C_OpenSession',
  severity,
  patience: 60,
  run(device) {
    const info = Buffer.alloc(208)
    device.expect(device.call('C_GetTokenInfo', device.slot, info), 'OK')
    const most = wordIn(info, 104)
    const room = most > 0 ? most : Infinity
    for (let opened = 0; opened < Math.min(count, room); opened++) device.expect(device.open().rv, 'OK')
    if (count > room) device.expect(device.open().rv, 'SESSION_COUNT')
  },
})

const dataObject = (value: Buffer, ...more: Template): Template => [
  { type: 'CLASS', value: CKO.DATA },
  ...SESSION,
  { type: 'VALUE', value },
  ...more,
]

const objects = (count: number, severity: Severity): Check => ({
  id: `limits.session-objects.${count}`,
  title: `${count} objects of the session are kept and all found, however few at a time`,
  clause: 'PKCS#11 3.1, 5.7.8 C_FindObjects',
  severity,
  patience: 60,
  run(device) {
    const session = device.session()
    const mark: Template = [{ type: 'APPLICATION', value: device.label }]
    const made = Array.from({ length: count }, () => {
      const { rv, handle } = device.create(session, dataObject(Buffer.alloc(16), ...mark))
      device.expect(rv, 'OK')
      return handle
    })
    for (const most of [1, 7, count + 10]) {
      const found = allFound(device, session, mark, most)
      const [seen, right] = [new Set(found), new Set(made)]
      device.require(found.length === seen.size, 'each once', `${found.length - seen.size} of them twice`)
      device.require(seen.size === right.size, `${right.size} objects, ${most} at a time`, `${seen.size}`)
    }
  },
})

function allFound(device: Device, session: number, mark: Template, most: number): number[] {
  device.expect(device.call('C_FindObjectsInit', session, template(mark), mark.length), 'OK')
  const found: number[] = []
  for (;;) {
    const [place, count] = [Buffer.alloc(most * 8), word()]
    device.expect(device.call('C_FindObjects', session, place, most, count), 'OK')
    if (wordIn(count) === 0) break
    found.push(...Array.from({ length: wordIn(count) }, (_, i) => wordIn(place, i * 8)))
  }
  device.expect(device.call('C_FindObjectsFinal', session), 'OK')
  return found
}

/** An attribute of many bytes comes back as it was, or is refused. */
const longAttribute = (type: 'LABEL' | 'ID' | 'VALUE', length: number, severity: Severity): Check => ({
  id: `limits.${type.toLowerCase()}.${length}`,
  title: `A CKA_${type} of ${length} bytes comes back as it was, or is refused as too long`,
  clause: 'PKCS#11 3.1, 5.7.1 C_CreateObject',
  severity,
  run(device) {
    const session = device.session()
    const value = type === 'LABEL' ? Buffer.alloc(length, 'ä') : randomBytes(length)
    const made =
      type === 'ID'
        ? { rv: CKR.OK, handle: aesKey(device, session, []) }
        : device.create(session, type === 'VALUE' ? dataObject(value) : dataObject(Buffer.alloc(8), { type, value }))
    if (made.rv !== CKR.OK) {
      device.expect(made.rv, ...TOO_MUCH)
      return
    }
    if (type === 'ID') {
      const rv = device.set(session, made.handle, [{ type, value }])
      if (rv !== CKR.OK) {
        device.expect(rv, ...TOO_MUCH)
        return
      }
    }
    const { rv, bytes } = device.get(session, made.handle, type)
    device.expect(rv, 'OK')
    device.require(bytes.equals(value), `the ${length} bytes`, `${bytes.length} others`)
  },
})

const [FEW, MANY, TIMES, BOUND] = [10, 300, 15, 2]

/** Of the best of several, so that a busy machine is not blamed on the token; and beyond what a lookup takes anyway. */
const LOOKUP: Check = {
  id: 'limits.lookup',
  title: `With ${MANY} keys stored, finding one by its CKA_ID takes at most ${BOUND} ms longer than with ${FEW}`,
  clause: 'KMS; PKCS#11 3.1, 5.7.7 C_FindObjectsInit',
  severity: 'major',
  writes: true,
  needs: ['AES_KEY_GEN'],
  patience: 300,
  run(device) {
    const session = device.session()
    const idOf = (i: number): Buffer => Buffer.from(`${device.label}-${i}`)
    let stored = 0
    const withKeys = (count: number): number => {
      for (; stored < count; stored++) {
        const attributes: Template = [
          { type: 'VALUE_LEN', value: 32 },
          { type: 'TOKEN', value: true },
          { type: 'LABEL', value: device.label },
          { type: 'ID', value: idOf(stored) },
        ]
        device.expect(device.generate(session, { type: 'AES_KEY_GEN' }, attributes).rv, 'OK')
      }
      const times = Array.from({ length: TIMES }, () => {
        const began = performance.now()
        const found = device.find(session, [{ type: 'ID', value: idOf(count >> 1) }])
        device.require(found.length === 1, 'the one key of that CKA_ID', `${found.length} objects`)
        return performance.now() - began
      })
      return Math.min(...times)
    }
    const [few, many] = [withKeys(FEW), withKeys(MANY)]
    const observed = `${few.toFixed(2)} ms with ${FEW} keys, ${many.toFixed(2)} ms with ${MANY}`
    device.require(many - few <= BOUND, `at most ${BOUND} ms more`, observed)
  },
}

export const LIMITS: readonly Check[] = [
  sessions(64, 'major'),
  sessions(1000, 'minor'),
  objects(100, 'major'),
  objects(2000, 'minor'),
  longAttribute('LABEL', 254, 'major'),
  longAttribute('LABEL', 65536, 'note'),
  longAttribute('ID', 64, 'major'),
  longAttribute('ID', 4096, 'note'),
  longAttribute('VALUE', 65536, 'minor'),
  longAttribute('VALUE', 1 << 20, 'note'),
  LOOKUP,
]
