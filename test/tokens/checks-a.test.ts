/** What tokens that we know are known to fail of the checks that are not about results: each is a defect of the token, looked at. */
import test, { type ExecutionContext } from 'ava'
import { ARGUMENTS } from '../../src/conformance/checks/arguments.ts'
import { ATTACKS } from '../../src/conformance/checks/attacks.ts'
import { ATTRIBUTES } from '../../src/conformance/checks/attributes.ts'
import { ERRORS } from '../../src/conformance/checks/errors.ts'
import { GENERAL } from '../../src/conformance/checks/general.ts'
import { LOGIN } from '../../src/conformance/checks/login.ts'
import { OBJECTS } from '../../src/conformance/checks/objects.ts'
import { ORACLES } from '../../src/conformance/checks/oracles.ts'
import { PINS } from '../../src/conformance/checks/pins.ts'
import { PROFILES } from '../../src/conformance/checks/profiles.ts'
import { PROTECTION } from '../../src/conformance/checks/protection.ts'
import { SEARCH } from '../../src/conformance/checks/search.ts'
import { SESSIONS } from '../../src/conformance/checks/sessions.ts'
import { SLOTS } from '../../src/conformance/checks/slots.ts'
import { STATE } from '../../src/conformance/checks/state.ts'
import { USES_KEPT } from '../../src/conformance/checks/uses.ts'
import type { Check } from '../../src/conformance/check.ts'
import { kryopticTokens } from '../helpers/kryoptic.ts'
import { softTokens, type SoftToken } from '../helpers/softhsm.ts'
import { knownToFail } from './known.ts'
import { isFailing, opened } from './opened.ts'

const AREAS = {
  ...{ ARGUMENTS, ATTACKS, ATTRIBUTES, ERRORS, GENERAL, LOGIN, OBJECTS, ORACLES, PINS, PROFILES, PROTECTION },
  ...{ SEARCH, SESSIONS, SLOTS, STATE, USES_KEPT },
}
const { known: soft } = softTokens('known')
const { known: kryoptic } = kryopticTokens('known')

const fails = test.macro({
  title: (_, name: Parameters<typeof knownToFail>[0]) => `${name} fails what it is known to fail, and nothing else`,
  async exec(
    t: ExecutionContext,
    name: Parameters<typeof knownToFail>[0],
    token: Pick<SoftToken, 'module' | 'tokenLabel' | 'pin' | 'soPin'>,
  ) {
    const device = opened(token)
    const failed: string[] = []
    for (const check of Object.values(AREAS).flat()) if (await isFailing(device, check)) failed.push(check.id)
    device.call('C_Finalize', null)
    t.deepEqual(failed.sort(), knownToFail(name))
  },
})

// One after the other: both are in this process.
test.serial(fails, 'SoftHSM2 2.6.1', soft)
test.serial(fails, 'Kryoptic 1.5.4', kryoptic)

test('there are enough checks, each with an id of its own, a section and a title that is a sentence', (t) => {
  const all: readonly Check[] = Object.values(AREAS).flat()
  t.is(new Set(all.map(({ id }) => id)).size, all.length)
  t.true(all.length >= 170)
  for (const { id, title, clause } of all) {
    t.regex(id, /^[a-z0-9-]+(\.[a-z0-9-]+)*$/)
    t.regex(title, /^[A-Z0-9].*[^.]$/)
    t.regex(clause, /^(PKCS#11 3\.1, \d|PKCS#11 Profiles 3\.1, |NIST|KMS|[A-Z])/)
  }
})
