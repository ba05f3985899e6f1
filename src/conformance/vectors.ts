/** Published vectors as checks: one for each subject and kind of vector, made from the files in vectors/ and a way to try one. */
import { readFileSync } from 'node:fs'
import { Finding, Inapplicable, type Check, type Severity } from './check.ts'
import type { Template } from './cryptoki/memory.ts'
import { nameOf } from './cryptoki/memory.ts'
import { CKR, type CKM } from './cryptoki/numbers.ts'
import type { Device, ReturnValue } from './device.ts'
import { imported, type Curve, type RsaNumbers } from './keys.ts'
import type { HashName } from './parameters.ts'

/** A vector as Wycheproof has it: all bytes are in hexadecimal. */
export interface Vector {
  readonly tcId: number
  readonly comment?: string
  readonly flags: readonly string[]
  readonly result: 'valid' | 'invalid' | 'acceptable'
  readonly [member: string]: unknown
}

/** What vectors have in common: scripts/wycheproof.mjs says what is kept. */
export interface Group {
  readonly file: string
  readonly keySize?: number
  readonly ivSize?: number
  readonly tagSize?: number
  readonly sha?: string
  readonly mgfSha?: string
  readonly sLen?: number
  readonly curve?: Curve
  readonly parameterSet?: string
  readonly publicKey?: string
  readonly privateSeed?: string
  readonly rsa?: RsaNumbers
  readonly tests: readonly Vector[]
}

/** What came of one: undefined when the token does not take its key, which is no fault. */
export type Tried = { readonly rv: number; readonly right: boolean } | undefined

export interface Family {
  readonly id: string
  readonly file: string
  readonly clause: string
  readonly needs: readonly (keyof typeof CKM)[]
  /** What a group is about, in an id and in a title: `p-256.sha256`. */
  subject(group: Group): string
  attempt(place: Workplace, group: Group, vector: Vector): Tried
  /** The codes that a refusal may have. */
  readonly refusals: readonly ReturnValue[]
  /** How bad it is that vectors of a kind fail: what is right is refused, or the other way round, unless said here. */
  readonly severities?: Readonly<Record<string, Severity>>
}

interface Sample {
  readonly group: Group
  readonly vector: Vector
}

/** Kinds that say nothing. */
const PLAIN = ['', 'Normal', 'Pseudorandom', 'Ktv', 'Valid', 'ValidSignature', 'InvalidSignature']

/** All checks of these vectors, and one about the codes of what is refused. */
export function checksOf(family: Family): readonly Check[] {
  const groups = fileOf<Group>(family.file)
  const kinds = new Map<string, Sample[]>()
  for (const group of groups)
    for (const vector of group.tests) {
      const kind = [family.subject(group), vector.result, ...kindOf(vector)].join('.')
      kinds.set(kind, [...(kinds.get(kind) ?? []), { group, vector }])
    }
  const checks = [...kinds].map(([kind, samples]) => checkOf(family, kind, samples))
  const all = [...kinds.values()]
  const bad = all.flatMap((samples) => samples.filter(({ vector }) => vector.result === 'invalid').slice(0, 1))
  return bad.length > 0 ? [...checks, codesOf(family, all.flat(), bad)] : checks
}

/** What is in a file of vectors. */
export function fileOf<Row>(name: string): readonly Row[] {
  return JSON.parse(readFileSync(new URL(`vectors/${name}.json`, import.meta.url), 'utf8')) as readonly Row[]
}

function kindOf({ flags }: Vector): readonly string[] {
  const telling = flags.find((flag) => !PLAIN.includes(flag))
  return telling === undefined
    ? []
    : [
        telling
          .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
          .replaceAll('_', '-')
          .toLowerCase(),
      ]
}

const PROMISES = {
  valid: 'give what they say',
  invalid: 'are refused',
  acceptable: 'give what they say, or are refused',
} as const
const SEVERITIES = { valid: 'major', invalid: 'critical', acceptable: 'minor' } as const

function checkOf(family: Family, kind: string, samples: readonly Sample[]): Check {
  const { result } = samples[0]!.vector
  const special = kind.split('.').find((part) => family.severities?.[part])
  return {
    id: `${family.id}.wycheproof.${kind}`,
    title: `${samples.length} vectors of Wycheproof (${kind.replaceAll('.', ', ')}) ${PROMISES[result]}`,
    clause: `${family.clause}; Wycheproof, ${samples[0]!.group.file}`,
    severity: family.severities?.[special ?? ''] ?? SEVERITIES[result],
    needs: family.needs,
    patience: 60,
    run: (device) => playAll(device, family, samples),
  }
}

function playAll(device: Device, family: Family, samples: readonly Sample[]): void {
  const place = new Workplace(device)
  const tried = samples.filter(({ group, vector }) => {
    const came = family.attempt(place, group, vector)
    if (came) judge(vector, came)
    return came !== undefined
  })
  if (tried.length === 0) device.skip('the token does not take the keys of these vectors with C_CreateObject')
}

function judge({ tcId, comment, result }: Vector, { rv, right }: NonNullable<Tried>): void {
  const accepted = rv === CKR.OK
  const holds = result === 'valid' ? right : result === 'invalid' ? !accepted : right || !accepted
  if (holds) return
  const vector = `vector ${tcId}${comment ? ` (${comment})` : ''}`
  const came = accepted ? (right ? 'it was accepted' : 'CKR_OK with another result') : nameOf(CKR, 'CKR', rv)
  throw new Finding(`${vector} to be ${result === 'invalid' ? 'refused' : 'right'}`, came)
}

/** Codes are asked for where the token can do what is valid, so that it is the vector that is refused. */
function codesOf(family: Family, all: readonly Sample[], bad: readonly Sample[]): Check {
  const able = (place: Workplace, of: Sample): boolean => {
    const valid = all.find(
      ({ group, vector }) => vector.result === 'valid' && family.subject(group) === family.subject(of.group),
    )
    return valid !== undefined && family.attempt(place, valid.group, valid.vector)?.right === true
  }
  return {
    id: `${family.id}.refusal-code`,
    title: `What is invalid is refused with one of CKR_${family.refusals.join(', CKR_')}`,
    clause: family.clause,
    severity: 'minor',
    needs: family.needs,
    patience: 60,
    run(device) {
      const place = new Workplace(device)
      for (const sample of bad) {
        const came = able(place, sample) ? family.attempt(place, sample.group, sample.vector) : undefined
        if (came && came.rv !== CKR.OK) device.expect(came.rv, ...family.refusals)
      }
    },
  }
}

/** Where vectors are tried: keys in one session, operations in another, which is thrown away after each refusal. */
export class Workplace {
  readonly device: Device
  private readonly home: number
  private readonly keys = new Map<string, number | undefined>()
  private current: number | undefined

  constructor(device: Device) {
    this.device = device
    this.home = device.session()
  }

  /** The key that the first of these templates makes which the token takes; made once for each name. */
  readonly key = (name: string, ...templates: readonly Template[]): number | undefined => {
    if (this.keys.has(name)) return this.keys.get(name)
    let handle: number | undefined
    for (const template of templates) handle ??= imported(this.device, this.home, template)
    this.keys.set(name, handle)
    return handle
  }

  /** Does something in a session; a refusal costs the session. */
  readonly work = <T extends number | { readonly rv: number }>(act: (session: number) => T): T => {
    this.current ??= this.device.session()
    const came = act(this.current)
    if ((typeof came === 'number' ? came : came.rv) !== CKR.OK) {
      this.device.call('C_CloseSession', this.current)
      this.current = undefined
    }
    return came
  }

  /** What a new key is worth, read by its value. */
  readonly value = (session: number, object: number): Buffer => {
    const { rv, bytes } = this.device.get(session, object, 'VALUE')
    if (rv !== CKR.OK) throw new Inapplicable('the value of an extractable key, not sensitive, cannot be read')
    return bytes
  }
}

/** The bytes of a member. */
export function bytesOf(vector: Vector, member: string): Buffer {
  const bytes = Buffer.from((vector[member] as string | undefined) ?? '', 'hex')
  return bytes.length === 0 ? Buffer.alloc(8).subarray(0, 0) : bytes
}

/** `SHA-256` as Node calls it. */
export function hashOf(sha: string): HashName {
  return sha.toLowerCase().replace(/^sha-/, 'sha') as HashName
}
