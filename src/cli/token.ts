/** Which token a command is about: its flags, and what they come to. */
import { RANGES, type TokenConfig } from '../config.ts'
import { parseTokenUri } from '../backends/pkcs11/uri.ts'
import { UsageError, wholeNumber, type Flags, type Given } from './flags.ts'

export const TOKEN = {
  backend: { values: ['KIND'], help: 'where keys are: native (our own HSM, the default) or pkcs11, a token' },
  token: { values: ['URI'], help: 'the token: pkcs11:token=L?module-path=PATH&pin-source=file:F, as RFC 7512 has it' },
  module: { values: ['PATH'], help: "the token's PKCS#11 library" },
  'token-label': { values: ['L'], help: 'the token with this label' },
  slot: { values: ['N'], help: 'the token in this slot, counted from 0 among those that have one' },
  'pin-file': { values: ['F'], help: 'file with the PIN, which others must not be able to read (chmod 600)' },
  isolate: { values: [], help: 'run the module in a process of its own, lest it bring this one down' },
  profile: { values: ['F'], help: 'what a conformance run wrote of such tokens: opened without being probed' },
} as const satisfies Flags

/** The token that is asked for; undefined for our own HSM, `file`'s when no flag says anything. */
export function tokenOf(given: Given<typeof TOKEN>, file?: TokenConfig): TokenConfig | undefined {
  const [backend] = given.backend ?? []
  const named = Object.keys(TOKEN).filter((name) => name !== 'backend' && Object.hasOwn(given, name))
  if (backend !== undefined && backend !== 'native' && backend !== 'pkcs11')
    throw new UsageError(`\`--backend\` must be native or pkcs11, not \`${backend}\``)
  if (backend === 'native' && named.length > 0)
    throw new UsageError(`\`--${named[0]}\` is of a token: \`--backend pkcs11\``)
  if (backend === 'native') return undefined
  if (named.length === 0 && (backend === undefined || file)) return file
  const uri = given.token?.[0]
  const inside = uri === undefined ? {} : parsed(uri)
  if (!given.module && !inside.modulePath && !inside.moduleName)
    throw new UsageError('a token needs `--module`, or a `--token` that names one')
  if (!given['pin-file'] && !inside.pinFile)
    throw new UsageError('a token needs `--pin-file`, or a `--token` with a pin-source')
  return {
    uri,
    module: given.module?.[0],
    tokenLabel: given['token-label']?.[0],
    slot: wholeNumber('slot', given.slot, RANGES.slot),
    pinFile: given['pin-file']?.[0],
    profile: given.profile?.[0],
    isolate: given.isolate !== undefined,
  }
}

function parsed(uri: string): ReturnType<typeof parseTokenUri> {
  try {
    return parseTokenUri(uri)
  } catch (error) {
    throw new UsageError(`\`--token\`: ${(error as Error).message}`)
  }
}
