/**
 * A small KMS in the head: keys, their states, materials, Regions, names and grants, and what time does to them. It knows
 * no cryptography and no store. Where strongroom compares dates when it is asked, the oracle lets the events of a key
 * happen one after the other.
 */
export const DAY = 86_400_000
const NEVER = Number.MAX_SAFE_INTEGER

/** One backing key. Its id is learnt from the first answer that tells it. */
export interface Material {
  id: string | undefined
  /** The bytes it was imported as. */
  readonly imported?: string
  present: boolean
  expires: number
}

/** A KMS key, or the related keys of a multi-Region key: what they share. */
export interface Family {
  readonly id: string
  readonly hmac: boolean
  readonly external: boolean
  readonly multi: boolean
  primary: string
  readonly members: Map<string, Member>
  /** In the order they became current, which the last one is. */
  used: Material[]
  /** Imported, and waiting for its rotation. */
  waiting: Material | undefined
  /** A rotation on demand that is under way. */
  underway: { readonly at: number; readonly material: Material } | undefined
  rotation: { readonly period: number; next: number } | undefined
  onDemand: number
  /** Days asked for, while the primary key waits for its replicas to go. */
  window: number
}

/** A key in its Region. */
export interface Member {
  readonly region: string
  enabled: boolean
  deletion: number
  transition: { readonly state: 'Creating' | 'Updating'; readonly until: number } | undefined
  readonly grants: Set<string>
  readonly aliases: Set<string>
}

export type Verdict = 'ok' | `${string}Exception`

const INVALID = 'KMSInvalidStateException'
const UNSUPPORTED = 'UnsupportedOperationException'

export class Oracle {
  now: number
  readonly settle: number
  readonly families: Family[] = []

  constructor(now: number, settle: number) {
    this.now = now
    this.settle = settle
  }

  // Looking --------------------------------------------------------------------------------------

  /** The key a name stands for in a Region. */
  find(region: string, name: string): [Family, Member] | undefined {
    for (const family of this.families) {
      const member = family.members.get(region)
      if (member && (family.id === name || member.aliases.has(name))) return [family, member]
    }
    return undefined
  }

  state(family: Family, member: Member): string {
    if (family.window > 0 && member.region === family.primary) return 'PendingReplicaDeletion'
    if (member.deletion < NEVER) return 'PendingDeletion'
    if (member.transition) return member.transition.state
    if (family.external && (family.used.length === 0 || family.used.some(({ present }) => !present))) {
      return 'PendingImport'
    }
    return member.enabled ? 'Enabled' : 'Disabled'
  }

  /** Whether the key may be asked for in one of these states, and the error if not. */
  admits(key: [Family, Member], ...states: string[]): Verdict {
    const state = this.state(...key)
    if (states.includes(state)) return 'ok'
    return state === 'Disabled' ? 'DisabledException' : INVALID
  }

  /** What it takes to use a key, symmetric or HMAC. */
  usable(key: [Family, Member], hmac: boolean): Verdict {
    const admitted = this.admits(key, 'Enabled', 'Updating')
    return admitted === 'ok' && key[0].hmac !== hmac ? 'InvalidKeyUsageException' : admitted
  }

  /** What it takes to give a key a schedule, or new material. */
  rotatable(key: [Family, Member], scheduled: boolean): Verdict {
    const [family, member] = key
    if (scheduled && family.external && this.state(...key) === 'PendingImport') return UNSUPPORTED
    const admitted = this.admits(key, 'Enabled', 'Updating')
    if (admitted !== 'ok') return admitted
    if (family.hmac || member.region !== family.primary || (scheduled && family.external)) return UNSUPPORTED
    return 'ok'
  }

  rotateOnDemand(key: [Family, Member]): Verdict {
    const [family] = key
    const admitted = this.rotatable(key, false)
    if (admitted !== 'ok') return admitted
    if (family.onDemand === 25) return 'LimitExceededException'
    const near = family.rotation && family.rotation.next - this.now <= 20 * 60_000
    if (family.underway || near) return 'ConflictException'
    return family.external && !family.waiting?.present ? INVALID : 'ok'
  }

  // Doing ----------------------------------------------------------------------------------------

  create(id: string, region: string, kind: { hmac: boolean; external: boolean; multi: boolean }): void {
    const used = kind.external ? [] : [fresh()]
    const members = new Map([[region, newMember(region, undefined)]])
    const none = { waiting: undefined, underway: undefined, rotation: undefined }
    this.families.push({ id, ...kind, primary: region, members, used, ...none, onDemand: 0, window: 0 })
  }

  replicate(family: Family, region: string): void {
    family.members.set(region, newMember(region, this.passing('Creating')))
  }

  movePrimary(family: Family, region: string): void {
    for (const place of [family.primary, region]) family.members.get(place)!.transition = this.passing('Updating')
    family.primary = region
  }

  enable(family: Family, member: Member): void {
    if (member.enabled) return
    member.enabled = true
    if (family.rotation && family.rotation.next <= this.now && member.region === family.primary) {
      family.rotation.next = this.now + family.rotation.period * DAY
      family.used.push(fresh())
    }
  }

  startRotation(family: Family): void {
    family.onDemand++
    family.underway = { at: this.now + this.settle, material: family.waiting ?? fresh() }
    this.passTo(this.now)
  }

  schedule(family: Family, member: Member, days: number): void {
    if (member.region === family.primary && family.members.size > 1) family.window = days
    else member.deletion = this.now + days * DAY
  }

  cancel(family: Family, member: Member): void {
    member.deletion = NEVER
    member.enabled = false
    if (member.region === family.primary) family.window = 0
  }

  /** What an import does, or why it does not. */
  import(key: [Family, Member], bytes: string, isNew: boolean, expires: number): Verdict {
    const [family, member] = key
    const known = [...family.used, ...(family.waiting ? [family.waiting] : [])].find(
      ({ imported }) => imported === bytes,
    )
    if (isNew && family.waiting && family.waiting !== known) return INVALID
    if (isNew ? known && known !== family.waiting : !known) return 'IncorrectKeyMaterialException'
    const wasPending = this.state(...key) === 'PendingImport'
    const material = known ?? { id: undefined, imported: bytes, present: true, expires }
    Object.assign(material, { present: true, expires })
    if (!known && family.used.length > 0) family.waiting = material
    else if (!known) family.used.push(material)
    if (material !== family.waiting) member.enabled ||= wasPending
    return 'ok'
  }

  deleteMaterial(family: Family, material: Material): void {
    if (material === family.waiting) {
      family.waiting = undefined
      family.underway = undefined
    }
    material.present = false
  }

  // Time -----------------------------------------------------------------------------------------

  passTo(now: number): void {
    this.now = now
    for (const family of [...this.families])
      for (;;) {
        const next = this.events(family).reduce((a, b) => (b.at < a.at ? b : a))
        if (next.at > now) break
        next.happen()
      }
  }

  /** What is ahead of a family; there is always an end. */
  private events(family: Family): { at: number; happen: () => void }[] {
    const events = [{ at: NEVER, happen: () => {} }]
    const { rotation, underway } = family
    for (const member of family.members.values()) {
      const { deletion, transition } = member
      events.push({ at: deletion, happen: () => this.end(family, member) })
      if (transition) events.push({ at: transition.until, happen: () => void (member.transition = undefined) })
    }
    for (const material of [...family.used, ...(family.waiting ? [family.waiting] : [])]) {
      if (material.present) events.push({ at: material.expires, happen: () => void (material.present = false) })
    }
    if (underway) {
      const happen = () => {
        family.used.push(underway.material)
        family.underway = family.waiting = undefined
      }
      events.push({ at: underway.at, happen })
    }
    const head = family.members.get(family.primary)
    if (rotation && head?.enabled && head.deletion === NEVER && family.window === 0) {
      const happen = () => {
        family.used.push(fresh())
        rotation.next += rotation.period * DAY
      }
      events.push({ at: rotation.next, happen })
    }
    return events
  }

  /** A key is gone, with its names and grants; the primary key's window begins with the last replica's end. */
  private end(family: Family, member: Member): void {
    family.members.delete(member.region)
    if (family.members.size === 0) this.families.splice(this.families.indexOf(family), 1)
    const head = family.members.get(family.primary)
    if (head && family.window > 0 && family.members.size === 1) {
      head.deletion = member.deletion + family.window * DAY
      family.window = 0
    }
  }

  private passing(state: 'Creating' | 'Updating'): Member['transition'] {
    return this.settle > 0 ? { state, until: this.now + this.settle } : undefined
  }
}

function fresh(): Material {
  return { id: undefined, present: true, expires: NEVER }
}

function newMember(region: string, transition: Member['transition']): Member {
  return { region, enabled: true, deletion: NEVER, transition, grants: new Set(), aliases: new Set() }
}
