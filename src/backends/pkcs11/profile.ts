/**
 * What is known of a kind of token, written down, so that opening one need not find it out: what a probe would see. A profile is good for tokens of the same model and firmware behind the same module.
 */
import { readFileSync } from 'node:fs'
import { mistakeIn, type Shape } from '../../shape.ts'
import { OAEP_REFUSALS, type OaepAlgorithm, type Unpadding } from './asymmetric.ts'
import type { Cryptoki, TokenInfo } from './cryptoki.ts'
import type { Kwp } from './kwp.ts'
import type { Abilities } from './probe.ts'

/** As docs/conformance/profile.schema.json has it, where each member is told. */
export interface TokenProfile {
  readonly schema: typeof SCHEMA
  readonly device: Device
  readonly abilities: {
    readonly gcm: { readonly iv: number; readonly refusals: readonly string[] }
    readonly copies: boolean
    readonly specs: readonly string[]
    readonly algorithms: readonly string[]
    readonly oaep: Readonly<Record<OaepAlgorithm, 'token' | 'host' | 'nobody'>>
    readonly oaepRefusals?: readonly string[]
    readonly kwp?: Kwp
  }
}

/** What the module and the token say of themselves, but for what differs from token to token. */
export interface Device {
  readonly module: { readonly manufacturer: string; readonly description: string; readonly version: string }
  readonly token: { readonly manufacturer: string; readonly model: string; readonly firmware: string }
}

/** A profile that is none, or another token's; `code` says which. */
class ProfileError extends Error {
  readonly code: 'ProfileInvalid' | 'ProfileMismatch'

  constructor(code: ProfileError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ProfileError'
    this.code = code
  }
}

const SCHEMA = 'https://strongroom.dev/schemas/token-profile-1.json'

const text: Shape = { type: 'string' }
const names: Shape = { type: 'array', items: { type: 'string', pattern: '^\\w[\\w ]*$' }, uniqueItems: true }
const unpadding: Shape = { enum: ['token', 'host', 'nobody'], description: 'Who takes the padding off.' }
const object = (description: string, properties: Record<string, Shape>, optional: readonly string[] = []): Shape => ({
  type: 'object',
  description,
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  additionalProperties: false,
})

export const PROFILE_SCHEMA: Shape = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: SCHEMA,
  title: 'What is known of a kind of PKCS#11 token',
  ...object('Loaded with `--profile`, it takes the place of the probe that a token is opened with.', {
    schema: { const: SCHEMA },
    device: object('The kind of token this is about; no other is opened with it.', {
      module: object('As C_GetInfo says it, without the padding.', {
        ...{ manufacturer: text, description: text },
        version: { type: 'string', pattern: '^\\d+\\.\\d+$', description: 'libraryVersion, major and minor.' },
      }),
      token: object('As C_GetTokenInfo says it, without the padding.', {
        ...{ manufacturer: text, model: text },
        firmware: { type: 'string', pattern: '^\\d+\\.\\d+$', description: 'firmwareVersion, major and minor.' },
      }),
    }),
    abilities: object(
      'What the token was seen to do right.',
      {
        gcm: object('AES-256-GCM, without which there is no KMS.', {
          iv: {
            enum: [12, 28],
            description: 'Bytes of the IVs it takes: 28 where it does, since those may be random.',
          },
          refusals: {
            ...{ type: 'array', items: { type: 'string', pattern: '^CKR_\\w+$' }, uniqueItems: true },
            description: 'What it answers to a ciphertext that is not genuine.',
          },
        }),
        copies: { type: 'boolean', description: 'Whether a stored key can be copied for the session.' },
        specs: { ...names, description: 'Kinds of keys that it makes, as the HSM calls them: AES_256, ECC_P256.' },
        algorithms: { ...names, description: 'Algorithms, as AWS calls them; of ECDH, with the kind of key.' },
        oaep: object('RSA-OAEP, whose hash some tokens do not choose.', {
          RSAES_OAEP_SHA_1: unpadding,
          RSAES_OAEP_SHA_256: unpadding,
        }),
        oaepRefusals: {
          ...{ type: 'array', items: { type: 'string', pattern: '^CKR_\\w+$' }, uniqueItems: true },
          description: 'What it answers when it decrypts what was never encrypted.',
        },
        kwp: { enum: ['absent', '0x210a', '0x210b'], description: 'The mechanism of RFC 5649 that works.' },
      },
      ['oaepRefusals', 'kwp'],
    ),
  }),
}

/** The profile in a file, which is one or a report of a conformance run. Throws ProfileError. */
export function readProfile(file: string): TokenProfile {
  try {
    const said = JSON.parse(readFileSync(file, 'utf8')) as TokenProfile & { readonly profile?: TokenProfile }
    return said.profile ?? said
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? 'it is not JSON'
    throw new ProfileError('ProfileInvalid', `the profile ${file} cannot be read (${why})`, { cause })
  }
}

export function profileOf(abilities: Abilities, device: Device): TokenProfile {
  const { gcm, copies, specs, algorithms, oaep, oaepRefusals, kwp } = abilities
  return {
    schema: SCHEMA,
    device,
    abilities: {
      gcm: { iv: gcm.iv, refusals: [...gcm.refusals] },
      copies,
      specs: [...specs],
      algorithms: [...algorithms],
      oaep: { RSAES_OAEP_SHA_1: said(oaep.RSAES_OAEP_SHA_1), RSAES_OAEP_SHA_256: said(oaep.RSAES_OAEP_SHA_256) },
      oaepRefusals: [...oaepRefusals],
      kwp,
    },
  }
}

/** What a probe of `device` would find, as `profile` says. Throws ProfileError when it does not say so of this kind. */
export function abilitiesFrom(profile: TokenProfile, device: Device): Abilities {
  const mistake = mistakeIn(profile, PROFILE_SCHEMA)
  if (mistake !== undefined) throw new ProfileError('ProfileInvalid', `the profile is none: ${mistake}`)
  for (const part of ['module', 'token'] as const) {
    for (const [name, value] of Object.entries(device[part])) {
      const wanted = (profile.device[part] as Readonly<Record<string, string>>)[name]
      if (wanted === value) continue
      const text = `the profile is for a ${part} whose ${name} is \`${wanted}\`, and this one's is \`${value}\``
      throw new ProfileError('ProfileMismatch', text)
    }
  }
  const { gcm, copies, specs, algorithms, oaep, oaepRefusals, kwp } = profile.abilities
  return {
    gcm: { iv: gcm.iv, refusals: new Set(gcm.refusals) },
    copies,
    specs: new Set(specs),
    algorithms: new Set(algorithms),
    oaep: { RSAES_OAEP_SHA_1: meant(oaep.RSAES_OAEP_SHA_1), RSAES_OAEP_SHA_256: meant(oaep.RSAES_OAEP_SHA_256) },
    oaepRefusals: new Set([...OAEP_REFUSALS, ...(oaepRefusals ?? [])]),
    kwp: kwp ?? 'absent',
  }
}

export function deviceOf(cryptoki: Cryptoki, { manufacturerID, model, firmwareVersion }: TokenInfo): Device {
  const module = cryptoki.C_GetInfo()
  return {
    module: {
      manufacturer: trimmed(module.manufacturerID),
      description: trimmed(module.libraryDescription),
      version: version(module.libraryVersion),
    },
    token: { manufacturer: trimmed(manufacturerID), model: trimmed(model), firmware: version(firmwareVersion) },
  }
}

const said = (who: Unpadding) => who ?? 'nobody'
const meant = (who: 'token' | 'host' | 'nobody'): Unpadding => (who === 'nobody' ? undefined : who)
const trimmed = (padded: string) => padded.replace(/[ \0]+$/, '')
const version = ({ major, minor }: { readonly major: number; readonly minor: number }) => `${major}.${minor}`
