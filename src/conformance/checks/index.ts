/** Every check there is, by area. */
import type { Check } from '../check.ts'
import { ARGUMENTS } from './arguments.ts'
import { ATTACKS } from './attacks.ts'
import { ATTRIBUTES } from './attributes.ts'
import { CROSSED } from './crossed.ts'
import { ERRORS } from './errors.ts'
import { GENERAL } from './general.ts'
import { LATTICES } from './lattices.ts'
import { LIMITS } from './limits.ts'
import { LOGIN } from './login.ts'
import { MECHANISMS } from './mechanisms.ts'
import { MULTIPART } from './multipart.ts'
import { NIST } from './nist.ts'
import { OBJECTS } from './objects.ts'
import { ORACLES } from './oracles.ts'
import { PADDED_WRAP } from './padded-wrap.ts'
import { PERSISTENCE } from './persistence.ts'
import { PINS } from './pins.ts'
import { PROFILES } from './profiles.ts'
import { PROTECTION } from './protection.ts'
import { RANDOMNESS } from './random.ts'
import { ROOM } from './room.ts'
import { SEARCH } from './search.ts'
import { SESSIONS } from './sessions.ts'
import { SLOTS } from './slots.ts'
import { STATE } from './state.ts'
import { THREADED } from './threads.ts'
import { USES_KEPT } from './uses.ts'
import { CURVE_VECTORS } from './vectors-curves.ts'
import { LATTICE_VECTORS } from './vectors-lattices.ts'
import { RSA_VECTORS } from './vectors-rsa.ts'
import { SYMMETRIC_VECTORS } from './vectors-symmetric.ts'

const AREAS: readonly (readonly Check[])[] = [
  // A line per area, in the order of the alphabet.
  ARGUMENTS,
  ATTACKS,
  ATTRIBUTES,
  CROSSED,
  CURVE_VECTORS,
  ERRORS,
  GENERAL,
  LATTICES,
  LATTICE_VECTORS,
  LIMITS,
  LOGIN,
  MECHANISMS,
  MULTIPART,
  NIST,
  OBJECTS,
  ORACLES,
  PADDED_WRAP,
  PERSISTENCE,
  PINS,
  PROFILES,
  PROTECTION,
  RANDOMNESS,
  ROOM,
  RSA_VECTORS,
  SEARCH,
  SESSIONS,
  SLOTS,
  STATE,
  SYMMETRIC_VECTORS,
  THREADED,
  USES_KEPT,
]

/** In the order of their ids. */
export const CHECKS: readonly Check[] = AREAS.flat().sort((one, other) => (one.id < other.id ? -1 : 1))
