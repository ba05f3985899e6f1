/**
 * How identities are written down, in the config file and on the admin route alike:
 *
 *     accounts:
 *       - id: '111122223333'
 *         accessKeys: [{ id: AKIAROOT, secret: … }]
 *         users:
 *           - { name: alice, accessKeys: [{ id: AKIAALICE, secret: … }], groups: [readers] }
 *         groups:
 *           - { name: readers, attachedPolicies: ['arn:aws:iam::aws:policy/ReadOnlyAccess'] }
 *         roles:
 *           - name: app
 *             trustPolicy: { Version: '2012-10-17', Statement: [{ Effect: Allow, Principal: { AWS: … }, Action: sts:AssumeRole }] }
 *             policies: [{ name: decrypt, document: { … } }]
 *         policies:
 *           - { name: sealers, document: '{"Version":"2012-10-17","Statement":[…]}' }
 *     organization:
 *       id: o-exampleorgid
 *       managementAccount: '111122223333'
 *       root: { units: [{ id: ou-prod, accounts: [{ id: '444455556666' }], serviceControlPolicies: [{ name: …, document: … }] }] }
 */
import type { AccountConfig, OrganizationConfig } from '../identity.ts'
import { parseDocument, parseIdentityPolicy, parseTrustPolicy } from '../policy/document.ts'
import { anew, checked, dictionary, integer, list, parseYaml, record, text, unique, type Reader } from '../schema.ts'

/** `whole`: all that there is to know; `changes`: access keys that are known already come without their secrets; `names` alone. */
type Extent = 'whole' | 'changes' | 'names'

export interface IdentitiesDocument {
  readonly accounts: readonly AccountConfig[]
  /** Of one that is only named, its id alone. */
  readonly organization: OrganizationConfig | undefined
}

/** Reads what the admin route takes: the same shape, and JSON is YAML. Throws a ConfigError. */
export function parseIdentities(source: string, extent: Exclude<Extent, 'whole'>): IdentitiesDocument {
  const organization = extent === 'names' ? record({ id: organizationId }, ['id']) : organizationReader()
  const read = record({ accounts: accountsReader(extent), organization })
  const { accounts = [], organization: found } = parseYaml(source, 'identities', read) as Partial<IdentitiesDocument>
  return { accounts, organization: found }
}

const organizationId = text(/^o-[a-z0-9]{10,32}$/, '`o-` and 10 to 32 letters or digits')
const accountId = text(/^\d{12}$/, 'an account id of 12 digits')
const name = (longest: number) =>
  text(new RegExp(`^[\\w+=,.@-]{1,${longest}}$`), `a name of 1 to ${longest} letters, digits or +=,.@_-`)
const path = text(/^\/(?:[!-~]{1,510}\/)?$/, 'a path that begins and ends with `/`')
const policyArn = text(/^arn:aws[\w-]*:iam::(?:\d{12}|aws):policy\/[!-~]+$/, "a managed policy's ARN")
const description = text(/^.{0,1000}$/su, 'text of at most 1000 characters')
const identityPolicy = checked(parseIdentityPolicy)
const tags = dictionary(
  /^.{1,128}$/su,
  'text of 1 to 128 characters',
  text(/^.{0,256}$/su, 'text of at most 256 characters'),
)
const SESSION_SECONDS = [3600, 43_200] as const

/** Names of IAM differ by more than their case. */
const named = (longest: number) => unique(name(longest), (value) => value.toLowerCase())

/** A list of accounts: their ids and their access keys' ids differ over the whole of it. */
export function accountsReader(extent: Extent): Reader {
  const id = unique(accountId)
  const keyId = unique(text(/^\w{3,128}$/, 'an access key id of 3 to 128 letters, digits or `_`'))
  return list(anew(() => account(extent, id, keyId)))
}

function account(extent: Extent, id: Reader, keyId: Reader): Reader {
  const whole = (...fields: string[]) => (extent === 'names' ? ['name'] : ['name', ...fields])
  const accessKeys = list(
    record(
      {
        id: keyId,
        secret: text(/^.{1,128}$/su, 'text of 1 to 128 characters'),
        sessionToken: text(/^[!-~]{1,8192}$/, 'text of 1 to 8192 characters without blanks'),
      },
      extent === 'whole' ? ['id', 'secret'] : ['id'],
    ),
  )
  const attached = () => ({ path, policies: policies(identityPolicy), attachedPolicies: list(policyArn) })
  const bounded = () => ({ ...attached(), permissionsBoundary: policyArn, tags })
  const user = { name: named(64), ...bounded(), accessKeys, groups: list(name(128)) }
  const role = {
    ...{ name: named(64), ...bounded(), trustPolicy: checked(parseTrustPolicy) },
    ...{ description, maxSessionDuration: integer(SESSION_SECONDS) },
  }
  return record(
    {
      id,
      accessKeys,
      users: list(record(user, whole())),
      groups: list(record({ name: named(128), ...attached() }, whole())),
      roles: list(record(role, whole('trustPolicy'))),
      policies: list(record({ name: named(128), path, description, document: identityPolicy }, whole('document'))),
    },
    ['id'],
  )
}

/** Inline policies: no two of one bearer have the same name. */
function policies(document: Reader): Reader {
  return anew(() => list(record({ name: unique(name(128)), document }, ['name', 'document'])))
}

/** An organization: each account stands in it once. */
export function organizationReader(): Reader {
  return anew(() => {
    const controls = {
      serviceControlPolicies: policies(identityPolicy),
      resourceControlPolicies: policies(checked(parseDocument)),
    }
    const accounts = list(record({ id: unique(accountId), ...controls }, ['id']))
    const id = unique(text(/^(?:r|ou)-[\w-]{1,68}$/, 'an id that begins with `r-` or `ou-`'))
    const unit: Reader = (node, called, tell) =>
      record({ id, accounts, units: list(unit), ...controls })(node, called, tell)
    return record(
      {
        id: organizationId,
        managementAccount: accountId,
        root: unit,
      },
      ['id', 'managementAccount', 'root'],
    )
  })
}
