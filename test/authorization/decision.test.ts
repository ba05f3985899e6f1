/** The order of the decision, a sentence a rule, each with its nearest no. */
import test from 'ava'
import {
  decide,
  denialText,
  type CallerPolicies,
  type PolicyKind,
  type Question,
  type Source,
} from '../../src/decision.ts'
import { parseDocument, parseIdentityPolicy } from '../../src/policy/document.ts'
import { askerOf, type Asker } from '../../src/policy/principal.ts'

const OWN = '111122223333'
const OTHER = '444455556666'
const KEY = `arn:aws:kms:eu-central-1:${OWN}:key/1234abcd-12ab-34cd-56ef-1234567890ab`
const ALIAS = `arn:aws:kms:eu-central-1:${OWN}:alias/records`
const USER = `arn:aws:iam::${OWN}:user/alice`
const ROLE = `arn:aws:iam::${OWN}:role/app`
const SESSION = `arn:aws:sts::${OWN}:assumed-role/app/one`
const STRANGER = `arn:aws:iam::${OTHER}:user/eve`

const user = askerOf(USER)!
const session = askerOf(SESSION, ROLE)!
const stranger = askerOf(STRANGER)!
const service: Asker = { type: 'Service', arn: 's3.amazonaws.com', account: OWN }

const statement = (Effect: 'Allow' | 'Deny', others: object = {}) => ({
  Effect,
  Action: 'kms:*',
  Resource: '*',
  ...others,
})
const text = (Statement: object) => JSON.stringify({ Version: '2012-10-17', Statement })
const plain = (kind: PolicyKind, effect: 'Allow' | 'Deny', others?: object): Source => ({
  kind,
  name: kind,
  document: parseIdentityPolicy(text(statement(effect, others))),
})
const naming = (kind: PolicyKind, effect: 'Allow' | 'Deny', Principal: object | string): Source => ({
  kind,
  name: kind,
  document: parseDocument(text(statement(effect, { Principal }))),
})
const key = (principal: string | object, effect: 'Allow' | 'Deny' = 'Allow') =>
  naming('resource', effect, typeof principal === 'string' ? { AWS: principal } : principal)

const allows = (kind: PolicyKind) => plain(kind, 'Allow')
const denies = (kind: PolicyKind) => plain(kind, 'Deny')
/** Allows something else. */
const silent = (kind: PolicyKind) => plain(kind, 'Allow', { Action: 's3:*' })

interface Case extends Partial<Omit<Question, 'policies'>>, Partial<CallerPolicies> {
  readonly what: string
  /** AWS's reason; undefined for a yes. */
  readonly no?: string
}

const NOBODY: CallerPolicies = { identity: [], boundary: undefined, session: undefined, serviceControl: [] }

function questionOf({ identity, boundary, session, serviceControl, ...others }: Partial<Case>): Question {
  const given = { identity, boundary, session, serviceControl }
  const policies = { ...NOBODY, ...Object.fromEntries(Object.entries(given).filter(([, it]) => it)) }
  return {
    ...{ asker: user, action: 'kms:Decrypt', resource: KEY, owner: OWN, resourcePolicy: key(OWN) },
    ...{ resourceControl: [], endpoint: undefined, grant: undefined, context: () => undefined, ...others, policies },
  }
}

const without = (kind: string) => `because no ${kind} allows the kms:Decrypt action`
const explicit = (kind: string) => `with an explicit deny in ${kind}`
const [NO_IDENTITY, NO_RESOURCE] = [without('identity-based policy'), without('resource-based policy')]
const [NO_BOUNDARY, NO_SESSION] = [without('permissions boundary'), without('session policy')]

const identity = [allows('identity')]
const fences = { identity, resourcePolicy: key(USER) }
const named = { resourcePolicy: key(ROLE), asker: session }
const hisSession = { resourcePolicy: key(SESSION), asker: session }
const abroad = { asker: stranger, resourcePolicy: key(OTHER) }
const alias = { resource: ALIAS, resourcePolicy: undefined }

const CASES: readonly Case[] = [
  { what: 'the account is named and an identity policy allows', identity },
  { what: 'the account is named and no identity policy allows', no: NO_IDENTITY },
  {
    what: 'an identity policy allows and the key policy is about others',
    identity,
    resourcePolicy: key(OTHER),
    no: NO_RESOURCE,
  },
  { what: 'the key policy names the user', resourcePolicy: key(USER) },
  { what: 'the key policy names everyone', resourcePolicy: key('*') },
  { what: 'a grant allows', resourcePolicy: key(OTHER), grant: 'g' },
  { what: 'neither key policy nor identity policy says anything', resourcePolicy: key(OTHER), no: NO_RESOURCE },

  {
    what: 'an identity policy denies',
    ...fences,
    identity: [...identity, denies('identity')],
    no: explicit('an identity-based policy'),
  },
  {
    what: 'the key policy denies',
    identity,
    resourcePolicy: key(USER, 'Deny'),
    no: explicit('a resource-based policy'),
  },
  { what: 'the boundary denies', ...fences, boundary: denies('boundary'), no: explicit('a permissions boundary') },
  { what: 'a session policy denies', ...fences, session: [denies('session')], no: explicit('a sessions policy') },
  {
    what: 'an SCP denies',
    ...fences,
    serviceControl: [[allows('scp'), denies('scp')]],
    no: explicit('a service control policy'),
  },
  {
    what: 'an RCP denies',
    ...fences,
    resourceControl: [naming('rcp', 'Deny', '*')],
    no: explicit('a resource control policy'),
  },
  {
    what: 'the endpoint denies',
    ...fences,
    endpoint: naming('endpoint', 'Deny', '*'),
    no: explicit('a VPC endpoint policy'),
  },
  {
    what: 'a deny outweighs a grant',
    ...fences,
    grant: 'g',
    boundary: denies('boundary'),
    no: explicit('a permissions boundary'),
  },

  { what: 'the endpoint allows', ...fences, endpoint: naming('endpoint', 'Allow', '*') },
  {
    what: 'the endpoint is silent',
    ...fences,
    endpoint: naming('endpoint', 'Allow', { AWS: OTHER }),
    no: without('VPC endpoint policy'),
  },
  { what: 'every level of SCPs allows', ...fences, serviceControl: [[allows('scp')], [silent('scp'), allows('scp')]] },
  {
    what: 'one level of SCPs is silent',
    ...fences,
    serviceControl: [[allows('scp')], [silent('scp')]],
    no: without('service control policy'),
  },
  {
    what: 'SCPs are silent under a grant',
    grant: 'g',
    serviceControl: [[silent('scp')]],
    no: without('service control policy'),
  },

  {
    what: 'a user named by the key is not limited by a boundary',
    resourcePolicy: key(USER),
    boundary: silent('boundary'),
  },
  { what: 'a role named by the key is within its boundary', ...named, boundary: allows('boundary') },
  {
    what: 'a role named by the key is limited by its boundary',
    ...named,
    boundary: silent('boundary'),
    no: NO_BOUNDARY,
  },
  {
    what: 'a role named by the key is within its session policy',
    ...named,
    session: [silent('session'), allows('session')],
  },
  {
    what: 'a role named by the key is limited by its session policy',
    ...named,
    session: [silent('session')],
    no: NO_SESSION,
  },
  { what: 'an empty list of session policies allows nothing', ...named, session: [], no: NO_SESSION },
  { what: 'a session named by the key is not limited by a boundary', ...hisSession, boundary: silent('boundary') },
  { what: 'a session named by the key is not limited by its policy', ...hisSession, session: [silent('session')] },
  { what: 'everyone is not limited by a boundary', ...named, resourcePolicy: key('*'), boundary: silent('boundary') },
  { what: 'an identity policy is limited by a boundary', identity, boundary: silent('boundary'), no: NO_BOUNDARY },
  {
    what: 'an identity policy is limited by a session policy',
    identity,
    asker: session,
    session: [silent('session')],
    no: NO_SESSION,
  },

  { what: 'both accounts say yes', ...abroad, identity },
  {
    what: 'the caller is named abroad and its own account says yes',
    ...abroad,
    resourcePolicy: key(STRANGER),
    identity,
  },
  {
    what: 'the caller is named abroad and its own account is silent',
    ...abroad,
    resourcePolicy: key(STRANGER),
    no: NO_IDENTITY,
  },
  { what: "the key's account is silent", ...abroad, resourcePolicy: key(OWN), identity, no: NO_RESOURCE },
  { what: 'a grant abroad and an identity policy allow', ...abroad, resourcePolicy: key(OWN), grant: 'g', identity },
  { what: 'a grant abroad alone allows', ...abroad, resourcePolicy: key(OWN), grant: 'g', no: NO_IDENTITY },
  {
    what: 'a boundary limits even who is named abroad',
    ...abroad,
    identity,
    boundary: silent('boundary'),
    no: NO_BOUNDARY,
  },

  { what: 'an alias is a matter of identity policies', ...alias, identity },
  { what: 'an alias has no policy to fall back on', ...alias, no: NO_IDENTITY },
  { what: "another account's alias is out of reach", ...alias, asker: stranger, identity, no: NO_RESOURCE },

  { what: 'the key policy names the service', asker: service, resourcePolicy: key({ Service: service.arn }) },
  {
    what: 'the key policy names another service',
    asker: service,
    resourcePolicy: key({ Service: 'ec2.amazonaws.com' }),
    no: NO_RESOURCE,
  },
  { what: 'a service has a grant', asker: service, grant: 'g' },
  {
    what: "an account's name does not stand for its services",
    asker: service,
    resourcePolicy: key(OWN),
    no: NO_RESOURCE,
  },
]

for (const { what, no, ...given } of CASES) {
  test(`${no === undefined ? 'yes' : 'no'}: ${what}`, (t) => {
    const question = questionOf(given)
    const { asker, action, resource } = question
    const decision = decide(question)
    t.is(decision.allowed, no === undefined)
    if (no === undefined) return
    const expected = `User: ${asker.arn} is not authorized to perform: kms:Decrypt on resource: ${resource} ${no}`
    t.is(denialText(asker, action, resource, decision), expected)
  })
}

test('what is not for strangers stays refused, whatever policies say', (t) => {
  const may = (action: string) => decide(questionOf({ ...abroad, identity, action })).allowed
  t.true(may('kms:DescribeKey'))
  t.false(may('kms:DisableKey'))
})

test('a yes tells the statements or the grant that gave it', (t) => {
  const kinds = (given: Partial<Case>) => decide(questionOf(given)).grounds.map(({ kind }) => kind)
  t.deepEqual(kinds({ identity }), ['resource', 'identity'])
  t.deepEqual(kinds({ identity, resourcePolicy: key(USER) }), ['resource'])
  t.is(decide(questionOf({ grant: 'g' })).grant, 'g')
})
