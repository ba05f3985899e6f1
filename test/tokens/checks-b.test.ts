/** What tokens that we know are known to fail of the checks about mechanisms and results: each is a defect of the token, looked at. */
import { readdirSync, statSync } from 'node:fs'
import test, { type ExecutionContext } from 'ava'
import { CROSSED } from '../../src/conformance/checks/crossed.ts'
import { LATTICES } from '../../src/conformance/checks/lattices.ts'
import { LIMITS } from '../../src/conformance/checks/limits.ts'
import { MECHANISMS } from '../../src/conformance/checks/mechanisms.ts'
import { MULTIPART } from '../../src/conformance/checks/multipart.ts'
import { NIST } from '../../src/conformance/checks/nist.ts'
import { PADDED_WRAP } from '../../src/conformance/checks/padded-wrap.ts'
import { PERSISTENCE } from '../../src/conformance/checks/persistence.ts'
import { RANDOMNESS } from '../../src/conformance/checks/random.ts'
import { ROOM } from '../../src/conformance/checks/room.ts'
import { THREADED } from '../../src/conformance/checks/threads.ts'
import { CURVE_VECTORS } from '../../src/conformance/checks/vectors-curves.ts'
import { LATTICE_VECTORS } from '../../src/conformance/checks/vectors-lattices.ts'
import { RSA_VECTORS } from '../../src/conformance/checks/vectors-rsa.ts'
import { SYMMETRIC_VECTORS } from '../../src/conformance/checks/vectors-symmetric.ts'
import { Finding, Inapplicable, type Check } from '../../src/conformance/check.ts'
import { Module } from '../../src/conformance/cryptoki/module.ts'
import { CKM } from '../../src/conformance/cryptoki/numbers.ts'
import { Device } from '../../src/conformance/device.ts'
import { initialize, slotOf } from '../../src/conformance/token.ts'
import { kryopticTokens } from '../helpers/kryoptic.ts'
import { softTokens, type SoftToken } from '../helpers/softhsm.ts'
import { knownToGiveWrong, type KnownToken } from './known-results.ts'

const ALL: readonly Check[] = [
  ...[SYMMETRIC_VECTORS, RSA_VECTORS, CURVE_VECTORS, LATTICE_VECTORS, NIST, CROSSED, LATTICES, MECHANISMS].flat(),
  ...[PADDED_WRAP, MULTIPART, ROOM, RANDOMNESS, THREADED, LIMITS, PERSISTENCE].flat(),
]

/** A minute of storing keys; and races, which SoftHSM2 loses some of the time: the last with its process. */
const LEFT_OUT = [
  'limits.lookup',
  ...['find-while-storing', 'find-while-storing-pairs', 'finalize'].map((id) => `threads.${id}`),
]

const { results: soft } = softTokens('results')
const { results: kryoptic } = kryopticTokens('results')

const fails = test.macro({
  title: (_, name: KnownToken) => `${name} gives wrong what it is known to give wrong, and nothing else`,
  async exec(t: ExecutionContext, name: KnownToken, token: Pick<SoftToken, 'module' | 'tokenLabel' | 'pin'>) {
    t.timeout(300_000)
    const device = opened(token)
    const failed: string[] = []
    for (const check of ALL) if (!LEFT_OUT.includes(check.id) && (await isFailing(device, check))) failed.push(check.id)
    device.call('C_Finalize', null)
    t.deepEqual(failed.sort(), knownToGiveWrong(name))
  },
})

// One after the other: both are in this process.
test.serial(fails, 'SoftHSM2 2.6.1', soft)
test.serial(fails, 'Kryoptic 1.5.4', kryoptic)

test('there are enough checks, each with an id of its own, a clause and a title that is a sentence', (t) => {
  t.is(new Set(ALL.map(({ id }) => id)).size, ALL.length)
  t.true(ALL.length >= 150)
  for (const { id, title, clause } of ALL) {
    t.regex(id, /^[a-z0-9-]+(\.[a-z0-9-]+)*$/)
    t.regex(title, /^[A-Z0-9].*[^.]$/)
    t.true(clause.length > 0)
  }
})

test('the vectors are of every kind, and small enough to ship', (t) => {
  const folder = new URL('../../src/conformance/vectors/', import.meta.url)
  const sizes = readdirSync(folder).map((name) => statSync(new URL(name, folder)).size)
  t.true(sizes.reduce((sum, size) => sum + size, 0) < 1.5 * 1024 * 1024)
  for (const kind of ['.valid', '.invalid.', '.acceptable.']) t.true(ALL.some(({ id }) => id.includes(kind)))
})

function opened({ module, tokenLabel, pin }: Pick<SoftToken, 'module' | 'tokenLabel' | 'pin'>): Device {
  const loaded = new Module(module)
  initialize(loaded)
  return new Device(loaded, { slot: slotOf(loaded, { tokenLabel }), pin })
}

async function isFailing(device: Device, { needs = [], run }: Check): Promise<boolean> {
  if (needs.some((name) => !device.announces(CKM[name]))) return false
  try {
    await run(device)
    return false
  } catch (error) {
    if (error instanceof Finding) return true
    if (error instanceof Inapplicable) return false
    throw error
  } finally {
    device.tidy()
  }
}
