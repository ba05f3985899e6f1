/**
 * Who may: puts the question of a call to the policies and grants it falls under. What the answer depends on decides how long
 * it is kept: most are the same for a caller, an action and a key, whatever a request says, and are found without a look at
 * any policy.
 */
import { Access, type Kept } from './access.ts'
import { after, type Eventually } from './backends/backend.ts'
import { encryptionContext, holds, readerOf, readOf, type Asked, type Read } from './conditions.ts'
import { NEVER, type Instant } from './clock.ts'
import type { Context } from './context.ts'
import { decide, denialText, type Decision, type Question, type Source } from './decision.ts'
import { KmsError } from './errors.ts'
import { granteesOf, granting, mayRetire, type GrantQuestion } from './granting.ts'
import type { Grant } from './grants.ts'
import type { Identities } from './identities/identities.ts'
import type { Caller } from './identity.ts'
import type { Key } from './keys.ts'
import { SHAPES, type CreateGrantRequest, type GrantOperation } from './model/kms.ts'
import type { Ask, Call, Resource } from './operation.ts'
import { policyOf } from './policies.ts'
import type { ContextReader } from './policy/context.ts'
import { parseDocument, type Document } from './policy/document.ts'
import { consulted } from './policy/evaluate.ts'
import type { Records } from './store/cache.ts'

/** One question, and the request it is asked for. */
interface Asking extends Ask {
  readonly call: Call
  readonly context: Context
}

/** What stays the same for a caller who asks for one action on one resource. */
interface Standing extends Kept {
  readonly caller: Caller
  /** The names of the key, with the count of their changes, when some policy asks for them. */
  readonly aliases: readonly string[] | undefined
  readonly aliasEpoch: number
  readonly question: Omit<Question, 'context' | 'grant' | 'grantToAccount'>
  /** Condition keys that differ from request to request, and which some policy may ask for. */
  readonly varying: readonly Read[]
  /** Some policy asks what differs from moment to moment. */
  readonly passing: boolean
  readonly asksLastUse: boolean
  /** Decisions by the values of `varying`, and by the grant that has its say. */
  readonly kept: Map<string, Decision>
  /** Grants to the caller, once they had to be looked up, unless there are too many to keep at hand. */
  grants: readonly Grant[] | 'many' | undefined
}

const DOCUMENTS = 4096
const DECISIONS = 1024

export class Authority {
  private readonly records: Records
  private readonly identities: Identities
  /** Milliseconds until a grant is known without its token. */
  private readonly grantDelay: number
  private readonly documents = new Map<string, Document>()
  /** Decisions about no resource in particular. */
  private readonly nowhere = new WeakMap<Caller, Access>()

  constructor(records: Records, identities: Identities, grantDelay: number) {
    this.records = records
    this.identities = identities
    this.grantDelay = grantDelay
  }

  /** Whether it is a yes that was met before and holds whatever the request says: the hot path's one look. */
  isStanding({ caller, context, now }: Call, action: string, { last }: Access): boolean {
    return (
      last !== undefined &&
      now < last.until &&
      last.caller === caller &&
      last.action === action &&
      last.epoch === this.identities.epoch &&
      context.origin.endpoint === undefined
    )
  }

  /** The decision; a promise when something has to be looked up for it. */
  decide(ask: Ask, call: Call): Eventually<Decision> {
    const { resource, action } = ask
    const { context } = call
    const asking = { action, resource, region: ask.region, call, context }
    if (action === 'kms:RetireGrant') return this.retirement(asking)
    const access = this.accessOf(call.caller, resource, context)
    const found = access?.find(call.caller, action) as Standing | undefined
    if (found && this.isCurrent(found, resource)) return this.judge(found, asking, access)
    return after(this.standing(asking), (standing) => {
      access?.keep(standing)
      return this.judge(standing, asking, access)
    }) as Eventually<Decision>
  }

  /** The whole question as it is put to policies and grants, whatever was kept; condition keys read as `told` wherever it tells. */
  async question(ask: Ask, call: Call, told: ContextReader): Promise<Question> {
    const asking = { ...ask, call, context: call.context }
    const key = ask.resource && keyIn(ask.resource)
    const lastUse = key && (await this.records.lastUsage.of(key))
    const read = readerOf(askedOf(asking, key && (await this.aliasesOf(key)), lastUse?.at))
    const grant = key && (await this.records.grants.allowing(key, this.grantQuestion(asking)))
    return { ...this.constant(asking), ...grantIn(grant, call.caller), context: (name) => told(name) ?? read(name) }
  }

  /** Where decisions about a resource are kept, if they are. */
  private accessOf(caller: Caller, resource: Resource | undefined, { origin }: Context): Access | undefined {
    // What an endpoint's policy has to say is asked anew.
    if (origin.endpoint) return undefined
    if (resource) return keyIn(resource)?.access
    let access = this.nowhere.get(caller)
    if (!access) this.nowhere.set(caller, (access = new Access()))
    return access
  }

  private isCurrent({ epoch, aliases, aliasEpoch }: Standing, resource: Resource | undefined): boolean {
    return epoch === this.identities.epoch && (!aliases || aliasEpoch === this.aliasEpoch(resource as Key))
  }

  /** What is the same for all requests of this caller for this action on this resource. */
  private standing(asking: Asking): Eventually<Standing> {
    const question = this.constant(asking)
    const asked = new Set(sourcesOf(question).flatMap(({ document }) => [...consulted(document, question)]))
    const key = asking.resource && keyIn(asking.resource)
    // What CreateKey is to make is not a key yet, and different each time.
    const varying = [...asked].filter((name) => (key ? holds(name) === 'asked' : holds(name) !== 'passing')).map(readOf)
    const standing = {
      caller: asking.call.caller,
      action: asking.action,
      epoch: this.identities.epoch,
      aliasEpoch: key ? this.aliasEpoch(key) : 0,
      aliases: undefined,
      question,
      varying,
      passing: [...asked].some((name) => holds(name) === 'passing'),
      asksLastUse: asked.has('kms:trailingdayswithoutkeyusage'),
      kept: new Map<string, Decision>(),
      grants: undefined,
      until: 0,
    }
    if (!key || !asked.has('kms:resourcealiases')) return standing
    return this.aliasesOf(key).then((aliases) => ({ ...standing, aliases }))
  }

  /** What of a question is the same in every request. */
  private constant({ call, context, resource, action }: Asking): Standing['question'] {
    const { caller } = call
    const owner = resource?.account ?? caller.account
    const key = resource && keyIn(resource)
    const isForeign = owner !== caller.account && caller.type !== 'Service'
    return {
      asker: caller,
      action,
      resource: resource?.arn ?? '*',
      owner,
      policies: caller.policies,
      resourcePolicy: key ? this.keyPolicy(key) : isForeign ? SILENT : undefined,
      resourceControl: key?.manager === 'AWS' ? [] : this.identities.resourceControl(owner),
      endpoint: context.origin.endpoint?.policy,
    }
  }

  private judge(standing: Standing, asking: Asking, access: Access | undefined): Eventually<Decision> {
    if (!standing.asksLastUse) return this.weigh(standing, asking, access, undefined)
    const lastUse = this.records.lastUsage.of(asking.resource as Key)
    return lastUse.then((use) => this.weigh(standing, asking, access, use?.at))
  }

  /** What policies say; and where they say nothing, what grants do. */
  private weigh(
    standing: Standing,
    asking: Asking,
    access: Access | undefined,
    lastUse: number | undefined,
  ): Eventually<Decision> {
    const { aliases, varying, passing } = standing
    const asked = askedOf(asking, aliases, lastUse)
    const under = passing ? undefined : valuesOf(varying, asked)
    const decision = settle(standing, asked, under, undefined)
    if (decision.allowed) return standUntil(NEVER, standing, access, decision)
    if (decision.explicit || !isGrantable(standing)) return decision
    const round = access?.round
    return after<Grant | undefined, Decision>(this.grantFor(standing, asking), (grant) => {
      if (!grant) return decision
      asking.call.parent = grant
      const granted = settle(standing, asked, under, grant)
      // What a grant without constraints allows is allowed until it ends, unless it was its token that counted, or the child of
      // it that is to be made. One that was looked up while grants changed may be gone by now.
      const isYoung = grant.created + this.grantDelay > asking.call.now
      const depends = isYoung || grant.constraints !== undefined || standing.action === 'kms:CreateGrant'
      const isPassing = depends || access?.round !== round
      return isPassing ? granted : standUntil(grant.expires, standing, access, granted)
    })
  }

  /** Who may retire a grant, the grant itself says; policies of identities can forbid it, and allow it where it was made. */
  private retirement(asking: Asking): Decision {
    const { call } = asking
    const context = readerOf(askedOf(asking, undefined, undefined))
    const { issuer } = call.grant ?? { issuer: call.caller.account }
    const byIdentity = decide({
      ...this.constant(asking),
      // The key, its policy and what its account forbids have no say.
      ...{ owner: issuer, resourcePolicy: issuer === call.caller.account ? undefined : SILENT, resourceControl: [] },
      grant: undefined,
      context,
    })
    // What lets nobody through, lets no retiring principal through.
    const isFenced = byIdentity.missing.some((kind) => kind === 'scp' || kind === 'endpoint')
    if (byIdentity.explicit || isFenced || !call.grant) return byIdentity
    if (!mayRetire(call.grant, granteesOf(call.caller), call.caller, byIdentity.allowed))
      return { ...byIdentity, allowed: false }
    return { ...byIdentity, allowed: true, missing: [], grant: byIdentity.allowed ? undefined : call.grant.id }
  }

  /** The grant that allows it, if one does: among those at hand, or looked for each time where there are too many. */
  private grantFor(standing: Standing, asking: Asking): Eventually<Grant | undefined> {
    const key = asking.resource as Key
    return after<readonly Grant[] | 'many', Eventually<Grant | undefined>>(this.grantsOf(standing, key), (grants) => {
      if (grants === 'many') return this.records.grants.allowing(key, this.grantQuestion(asking))
      return grants.length === 0 ? undefined : granting(grants, this.grantQuestion(asking))
    }) as Eventually<Grant | undefined>
  }

  private grantsOf(standing: Standing, key: Key): Eventually<readonly Grant[] | 'many'> {
    if (standing.grants) return standing.grants
    const { round } = key.access
    return this.records.grants.few(key, granteesOf(standing.caller)).then((few) => {
      const grants = few ?? 'many'
      if (key.access.round === round) standing.grants = grants
      return grants
    })
  }

  private grantQuestion(asking: Asking): GrantQuestion {
    const { call, context, action } = asking
    return {
      operation: operationOf(action),
      grantees: granteesOf(call.caller),
      encryptionContext: encryptionContext(asking),
      sourceArn: context.via?.sourceArn,
      now: call.now,
      delay: this.grantDelay,
      tokens: call.granted,
      child: action === 'kms:CreateGrant' && isChild(call.input) ? call.input : undefined,
    }
  }

  private keyPolicy(key: Key): Source {
    const text = policyOf(key)
    let document = this.documents.get(text)
    if (!document) {
      if (this.documents.size >= DOCUMENTS) this.documents.clear()
      this.documents.set(text, (document = parseDocument(text)))
    }
    return { kind: 'resource', name: 'key policy', document }
  }

  private aliasEpoch({ region, account }: Key): number {
    return this.records.scope(region, account).aliasEpoch
  }

  private async aliasesOf(key: Key): Promise<string[]> {
    const found = await this.records.aliases(this.records.scope(key.region, key.account), key.id, undefined, 1000)
    return found.map(({ name }) => name)
  }
}

/** What a stranger hears of somebody else's resource, whether or not there is one. */
export function refusal({ action, resource }: Ask, { caller }: Call, decision: Decision): KmsError {
  const text = denialText(caller, action, resource?.arn ?? '*', decision)
  return new KmsError('AccessDeniedException', text)
}

/** The policy of what a stranger cannot be told of: it says nothing. */
const SILENT: Source = {
  kind: 'resource',
  name: 'key policy',
  document: { version: '2012-10-17', id: undefined, statements: [], rules: [] },
}

const GRANTABLE = new Set<string>(SHAPES.GrantOperation.enum)

function operationOf(action: string): GrantOperation {
  return action.slice('kms:'.length) as GrantOperation
}

/** Who asks for an explanation does not say which grant is to be made. */
function isChild(input: unknown): input is CreateGrantRequest {
  return (input as Partial<CreateGrantRequest>).Operations !== undefined
}

/** Whether a grant could say yes: an operation grants know, on a key that is not out of reach altogether. */
function isGrantable({ action, question }: Standing): boolean {
  return (
    question.resourcePolicy !== undefined && question.resourcePolicy !== SILENT && GRANTABLE.has(operationOf(action))
  )
}

/** The key that a resource is; an alias, or what was not found, is none. */
function keyIn(resource: Resource): Key | undefined {
  return 'access' in resource ? (resource as Key) : undefined
}

function sourcesOf({ policies, resourcePolicy, resourceControl, endpoint }: Standing['question']): Source[] {
  const { identity, boundary, session, serviceControl } = policies
  const all = [...identity, boundary, ...(session ?? []), ...serviceControl.flat(), ...resourceControl]
  return [...all, resourcePolicy, endpoint].filter((source) => source !== undefined)
}

function askedOf(
  { call, context, action, resource, region }: Asking,
  aliases: Asked['aliases'],
  lastUse: Asked['lastUse'],
): Asked {
  const key = resource && keyIn(resource)
  return { call, context, action, resource, key, region: region ?? context.region, aliases, lastUse }
}

/** What a question says of the grant that was found. */
function grantIn(grant: Grant | undefined, { type }: Caller): Pick<Question, 'grant' | 'grantToAccount'> {
  return { grant: grant?.id, grantToAccount: grant !== undefined && type !== 'Root' && grant.grantee.endsWith(':root') }
}

/** Notes how long a decision holds for all that a request may say, if it does. */
function standUntil(until: Instant, standing: Standing, access: Access | undefined, decision: Decision): Decision {
  // Names of the key come and go without the key.
  if (!decision.allowed || standing.passing || standing.varying.length > 0 || standing.aliases) return decision
  standing.until = until
  if (access) access.last = standing
  return decision
}

/** What the decision depends on, as one text: values with their lengths, so that no two lists of them make the same. */
function valuesOf(reads: readonly Read[], asked: Asked): string {
  let text = ''
  for (const read of reads) {
    const value = read(asked)
    text += value === undefined ? '-' : typeof value === 'string' ? `${value.length}:${value}` : JSON.stringify(value)
  }
  return text
}

/** The decision, kept or made, and then kept unless it is for the moment. */
function settle(standing: Standing, asked: Asked, under: string | undefined, grant: Grant | undefined): Decision {
  const place = grant === undefined || under === undefined ? under : `${under} ${grant.id}`
  const known = place === undefined ? undefined : standing.kept.get(place)
  if (known) return known
  const decision = decide({ ...standing.question, ...grantIn(grant, standing.caller), context: readerOf(asked) })
  if (place !== undefined) {
    if (standing.kept.size >= DECISIONS) standing.kept.clear()
    standing.kept.set(place, decision)
  }
  return decision
}
