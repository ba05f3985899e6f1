/** Every check there is, by area. */
import type { Check } from '../check.ts'
import { ARGUMENTS } from './arguments.ts'
import { ATTACKS } from './attacks.ts'
import { ATTRIBUTES } from './attributes.ts'
import { ERRORS } from './errors.ts'
import { GENERAL } from './general.ts'
import { LOGIN } from './login.ts'
import { OBJECTS } from './objects.ts'
import { ORACLES } from './oracles.ts'
import { PINS } from './pins.ts'
import { PROFILES } from './profiles.ts'
import { PROTECTION } from './protection.ts'
import { SEARCH } from './search.ts'
import { SESSIONS } from './sessions.ts'
import { SLOTS } from './slots.ts'
import { STATE } from './state.ts'
import { CURVE_VECTORS } from './vectors-curves.ts'
import { LATTICE_VECTORS } from './vectors-lattices.ts'
import { RSA_VECTORS } from './vectors-rsa.ts'
import { SYMMETRIC_VECTORS } from './vectors-symmetric.ts'
import { PADDED_WRAP } from './padded-wrap.ts'
import { MECHANISMS } from './mechanisms.ts'
import { MULTIPART } from './multipart.ts'
import { ROOM } from './room.ts'
import { NIST } from './nist.ts'
import { RANDOMNESS } from './random.ts'
import { LIMITS } from './limits.ts'
import { THREADED } from './threads.ts'
import { USES_KEPT } from './uses.ts'
import { PERSISTENCE } from './persistence.ts'
import { CROSSED } from './crossed.ts'
import { LATTICES } from './lattices.ts'

const AREAS: readonly (readonly Check[])[] = [
  // A line per area, in the order of the alphabet.
  ARGUMENTS,
  ATTACKS,
  ATTRIBUTES,
  ERRORS,
  GENERAL,
  LOGIN,
  OBJECTS,
  ORACLES,
  PINS,
  PROFILES,
  PROTECTION,
  SEARCH,
  SESSIONS,
  SLOTS,
  STATE,
  CURVE_VECTORS,
  LATTICE_VECTORS,
  RSA_VECTORS,
  SYMMETRIC_VECTORS,
  PADDED_WRAP,
  MECHANISMS,
  MULTIPART,
  ROOM,
  NIST,
  RANDOMNESS,
  LIMITS,
  THREADED,
  USES_KEPT,
  PERSISTENCE,
  CROSSED,
  LATTICES,
]

/** In the order of their ids. */
export const CHECKS: readonly Check[] = AREAS.flat().sort((one, other) => (one.id < other.id ? -1 : 1))
