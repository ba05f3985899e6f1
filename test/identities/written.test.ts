/** Identities as the config file has them: what is read, and where it is said to be wrong. */
import test from 'ava'
import { ConfigError, parseConfig, type Config } from '../../src/config.ts'

const reads = test.macro({
  title: (why = '') => `read: ${why}`,
  exec: (t, yaml: string, config: Config) => t.deepEqual(parseConfig(yaml, 'room.yaml'), config),
})
const refuses = test.macro({
  title: (why = '') => `refused: ${why}`,
  exec: (t, yaml: string, ...problems: string[]) => {
    const error = t.throws(() => parseConfig(yaml, 'room.yaml'), { instanceOf: ConfigError })
    t.deepEqual(
      error?.message.split('\n'),
      problems.map((problem) => `room.yaml:${problem}`),
    )
  },
})

const ALLOW = { Effect: 'Allow', Action: 'kms:Decrypt', Resource: '*' }
const DOCUMENT = { Version: '2012-10-17', Statement: [ALLOW] }
const TRUST = { Statement: { Effect: 'Allow', Principal: { AWS: '111122223333' }, Action: 'sts:AssumeRole' } }
test(
  'everybody there can be',
  reads,
  `accounts:
  - id: '111122223333'
    users:
      - name: alice
        path: /ops/
        accessKeys: [{ id: AKIAALICE, secret: hers }]
        policies:
          - name: decrypt
            document:
              Version: 2012-10-17
              Statement: [{ Effect: Allow, Action: kms:Decrypt, Resource: '*' }]
        attachedPolicies: ['arn:aws:iam::aws:policy/ReadOnlyAccess']
        groups: [readers]
        permissionsBoundary: arn:aws:iam::111122223333:policy/bound
        tags: { team: red, level: '1', __proto__: plain }
    groups: [{ name: readers, policies: [{ name: decrypt, document: '${JSON.stringify(DOCUMENT)}' }] }]
    roles:
      - name: app
        trustPolicy: { Statement: { Effect: Allow, Principal: { AWS: '111122223333' }, Action: sts:AssumeRole } }
        description: of the application
        maxSessionDuration: 7200
    policies: [{ name: bound, path: /limits/, document: ${JSON.stringify(DOCUMENT)} }]
`,
  {
    accounts: [
      {
        id: '111122223333',
        users: [
          {
            name: 'alice',
            path: '/ops/',
            accessKeys: [{ id: 'AKIAALICE', secret: 'hers' }],
            policies: [{ name: 'decrypt', document: DOCUMENT }],
            attachedPolicies: ['arn:aws:iam::aws:policy/ReadOnlyAccess'],
            groups: ['readers'],
            permissionsBoundary: 'arn:aws:iam::111122223333:policy/bound',
            tags: Object.fromEntries([
              ['team', 'red'],
              ['level', '1'],
              ['__proto__', 'plain'],
            ]),
          },
        ],
        groups: [{ name: 'readers', policies: [{ name: 'decrypt', document: JSON.stringify(DOCUMENT) }] }],
        roles: [{ name: 'app', trustPolicy: TRUST, description: 'of the application', maxSessionDuration: 7200 }],
        policies: [{ name: 'bound', path: '/limits/', document: DOCUMENT }],
      },
    ],
  },
)
test(
  'an organization',
  reads,
  `organization:
  id: o-exampleorgid
  managementAccount: '111122223333'
  root:
    id: r-root
    accounts: [{ id: '111122223333' }]
    units:
      - id: ou-prod
        accounts: [{ id: '444455556666' }]
        serviceControlPolicies: [{ name: decrypt, document: ${JSON.stringify(DOCUMENT)} }]
        units: [{ accounts: [{ id: '777788889999', resourceControlPolicies: [] }] }]
`,
  {
    organization: {
      id: 'o-exampleorgid',
      managementAccount: '111122223333',
      root: {
        id: 'r-root',
        accounts: [{ id: '111122223333' }],
        units: [
          {
            id: 'ou-prod',
            accounts: [{ id: '444455556666' }],
            serviceControlPolicies: [{ name: 'decrypt', document: DOCUMENT }],
            units: [{ accounts: [{ id: '777788889999', resourceControlPolicies: [] }] }],
          },
        ],
      },
    },
  },
)
test(
  'the same name in two accounts, and of a user and a role',
  reads,
  people({ users: 'name: a' }, { users: 'name: a' }),
  {
    accounts: [
      { id: '000000000001', users: [{ name: 'a' }] },
      { id: '000000000002', users: [{ name: 'a' }] },
    ],
  },
)

test(
  'two users of one account whose names differ by case alone',
  refuses,
  "accounts: [{ id: '000000000001', users: [{ name: Alice }, { name: alice }] }]",
  "1:67: `name` is used before: 'alice'",
)
test(
  'two inline policies of one name',
  refuses,
  people({ users: `name: a, policies: [${named('p', DOCUMENT)}, ${named('p', DOCUMENT)}]` }),
  "1:192: `name` is used before: 'p'",
)
test(
  'a user called what IAM calls nobody',
  refuses,
  people({ users: "name: 'a b'" }),
  '1:50: `name` must be a name of 1 to 64 letters, digits or +=,.@_-',
)
test(
  'a role that nobody is said to be trusted with, for a session too short',
  refuses,
  people({ roles: 'name: a, maxSessionDuration: 900' }),
  '1:42: `trustPolicy` is missing',
  '1:73: `maxSessionDuration` must be a whole number from 3600 to 43200',
)
test(
  'policies that are none, each where it stands',
  refuses,
  `accounts:
  - id: '000000000001'
    users:
      - name: alice
        policies:
          - name: cut
            document: '{"Version":'
          - name: principal
            document: { Statement: [{ Effect: Allow, Principal: '*', Action: '*', Resource: '*' }] }
    roles:
      - name: app
        trustPolicy: { Statement: [{ Effect: Allow, Action: sts:AssumeRole }] }
    policies:
      - name: mine
        document: { Statement: [{ Effect: Maybe, Action: '*', Resource: '*' }] }
`,
  '7:23: `document`: Syntax errors in policy.',
  '9:23: `document`: Policy document should not specify a principal.',
  '12:22: `trustPolicy`: Missing required field Principal',
  '15:19: `document`: Syntax errors in policy.',
)
test(
  'a policy that refers to another place',
  refuses,
  'accounts: [{ id: "000000000001", policies: [{ name: a, document: { Statement: *x } }] }]',
  '1:66: `document`: references to other places are not taken',
)
test(
  'a tag without a value, and one that is a number',
  refuses,
  people({ users: 'name: a, tags: { x: , y: 1 }' }),
  '1:61: `tags` has a key without a value',
  '1:69: `tags` must be text of at most 256 characters; unquoted, this is not text to YAML, so quote it',
)
test(
  'an account that stands twice in its organization, under units of one id',
  refuses,
  `organization:
  id: o-exampleorgid
  managementAccount: '000000000001'
  root: { units: [{ id: ou-a, accounts: [{ id: '000000000001' }] }, { id: ou-a, accounts: [{ id: '000000000001' }] }] }
`,
  "4:75: `id` is used before: 'ou-a'",
  "4:98: `id` is used before: '000000000001'",
)
test(
  'an organization without a root, of another name',
  refuses,
  "organization: { id: example, managementAccount: '000000000001' }",
  '1:15: `root` is missing',
  '1:21: `id` must be `o-` and 10 to 32 letters or digits',
)
/** A file of accounts, one after the other, with one of a kind in each. */
function people(...accounts: Record<string, string>[]): string {
  const each = accounts.map((lists, i) => {
    const [[kind, members] = []] = Object.entries(lists)
    return `{ id: '00000000000${i + 1}', ${kind}: [{ ${members} }] }`
  })
  return `accounts: [${each.join(', ')}]`
}

function named(name: string, document: object): string {
  return `{ name: ${name}, document: ${JSON.stringify(document)} }`
}
