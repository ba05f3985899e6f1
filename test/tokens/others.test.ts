/** What others keep in a token is as it was when checks that write have been there: every attribute of it. */
import test from 'ava'
import { CHECKS } from '../../src/conformance/checks/index.ts'
import { CKA, CKO, CKR } from '../../src/conformance/cryptoki/numbers.ts'
import type { Template } from '../../src/conformance/cryptoki/memory.ts'
import { Module } from '../../src/conformance/cryptoki/module.ts'
import { Device } from '../../src/conformance/device.ts'
import { usable } from '../../src/conformance/keys.ts'
import { run } from '../../src/conformance/runner.ts'
import { initialize, slotOf } from '../../src/conformance/token.ts'
import { softTokens } from '../helpers/softhsm.ts'
import { WAYS } from './planted/token.ts'

const { shared } = softTokens('shared')
const CHECKS_URL = new URL('../../src/conformance/checks/index.ts', import.meta.url).href
const ATTRIBUTES = Object.keys(CKA) as (keyof typeof CKA)[]

const stored = (label: string): Template => [
  { type: 'TOKEN', value: true },
  { type: 'LABEL', value: label },
  { type: 'ID', value: Buffer.from(`the id of ${label}`) },
]

/** Keeps a document, a key and a pair of somebody else's in the token. */
function furnish(device: Device): void {
  const session = device.session()
  const document = [
    { type: 'CLASS', value: CKO.DATA },
    { type: 'TOKEN', value: true },
    { type: 'LABEL', value: 'a document' },
    { type: 'VALUE', value: Buffer.from('what it says') },
  ] as const
  device.expect(device.create(session, document).rv, 'OK')
  const size = { type: 'VALUE_LEN', value: 32 } as const
  const aes = [size, ...usable(['ENCRYPT', 'DECRYPT', 'WRAP']), ...stored('a key')]
  device.expect(device.generate(session, { type: 'AES_KEY_GEN' }, aes).rv, 'OK')
  const how = { type: 'RSA_PKCS_KEY_PAIR_GEN' } as const
  const bits = { type: 'MODULUS_BITS', value: 2048 } as const
  const open = [bits, ...usable(['VERIFY']), ...stored('a pair')]
  device.expect(device.generatePair(session, how, open, [...usable(['SIGN']), ...stored('a pair')]).rv, 'OK')
}

/**
 * Each stored object, by its attributes as far as the token tells them. SoftHSM2 leaves halves of what could not be made, which tell
 * nothing, or only defaults, as of a thing that is not stored: they are nobody's.
 */
function contents(device: Device): readonly Readonly<Record<string, string>>[] {
  const session = device.session()
  return device
    .find(session, [])
    .map((object) => {
      const told = ATTRIBUTES.map((name) => [name, device.get(session, object, name)] as const)
      const known = told.filter(([, { rv }]) => rv === CKR.OK || rv === CKR.ATTRIBUTE_SENSITIVE)
      return Object.fromEntries(known.map(([name, { rv, bytes }]) => [name, `${rv} ${bytes.toString('hex')}`]))
    })
    .filter(({ TOKEN }) => TOKEN === '0 01')
    .sort((one, other) => order(one).localeCompare(order(other)))
}

const order = ({ LABEL, CLASS }: Readonly<Record<string, string>>): string => `${LABEL} ${CLASS}`

test.serial('checks that write leave what others stored as it was, and nothing of their own', async (t) => {
  const module = new Module(shared.module)
  initialize(module)
  const device = new Device(module, { slot: slotOf(module, shared), pin: shared.pin })
  furnish(device)
  const before = contents(device)
  t.deepEqual(
    before.map(({ TOKEN }) => TOKEN),
    Array(4).fill('0 01'),
  )
  const writing = CHECKS.filter(({ writes }) => writes)
  const report = await run(
    {
      target: { ...shared, slot: undefined, checks: CHECKS_URL },
      plan: writing,
      ...{ writes: true, isPartial: true, isMeasured: false, reproduce: (id: string) => id },
    },
    WAYS,
  )
  const done = report.results.filter(({ verdict }) => verdict !== 'skipped' && verdict !== 'inapplicable')
  t.true(done.length > 30, `${done.length} of ${writing.length}`)
  t.deepEqual(contents(device), before)
})
