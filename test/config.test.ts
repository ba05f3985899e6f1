/** The config file: what is read, and where it is said to be wrong. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { ConfigError, parseConfig, readConfig } from '../src/config.ts'
import type { Config } from '../src/config.ts'

const reads = test.macro({
  title: (why = '') => `read: ${why}`,
  exec: (t, yaml: string, config: Config) => t.deepEqual(parseConfig(yaml, 'room.yaml'), config),
})
const KEY = { id: '000000000002', secret: 'test' }
test('nothing', reads, '', {})
test('a comment', reads, '# later\n', {})
test('an empty document', reads, '---\n', {})
test('no accounts', reads, 'accounts: []', { accounts: [] })
test('an account without keys', reads, "accounts: [{ id: '000000000002', accessKeys: [] }]", {
  accounts: [{ id: '000000000002', accessKeys: [] }],
})
test('the example', reads, "accounts: [{ id: '000000000002', accessKeys: [{ id: '000000000002', secret: test }] }]", {
  accounts: [{ id: '000000000002', accessKeys: [KEY] }],
})
test(
  'everything there is',
  reads,
  `accounts:
  - id: "000000000002"
    accessKeys:
      - { id: AKIA_x1, secret: 'a/b+c=', sessionToken: tok/en== }
      - id: another
        secret: |-
          ü "quoted"
  - id: '000000000003'
    accessKeys: [{ id: third, secret: x }]
account: '000000000003'
host: 0.0.0.0
port: 0
data: keys
memory: false
slots: 100
deviceRate: 5000
seed: 42
tls: { cert: c.pem, key: k.pem }
attestationRoots: [nitro.pem]
settleMillis: 250
grantDelayMillis: 500
audit: off
auditDays: 90
`,
  {
    accounts: [
      {
        id: '000000000002',
        accessKeys: [
          { id: 'AKIA_x1', secret: 'a/b+c=', sessionToken: 'tok/en==' },
          { id: 'another', secret: 'ü "quoted"' },
        ],
      },
      { id: '000000000003', accessKeys: [{ id: 'third', secret: 'x' }] },
    ],
    account: '000000000003',
    host: '0.0.0.0',
    port: 0,
    data: 'keys',
    memory: false,
    slots: 100,
    deviceRate: 5000,
    seed: 42,
    tls: { cert: 'c.pem', key: 'k.pem' },
    attestationRoots: ['nitro.pem'],
    settleMillis: 250,
    grantDelayMillis: 500,
    audit: 'off',
    auditDays: 90,
  },
)

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
const QUOTE = 'must be an account id of 12 digits; unquoted, this is not text to YAML, so quote it'
test('an unquoted account id', refuses, 'account: 000000000002', `1:10: \`account\` ${QUOTE}: '000000000002'`)
test(
  'an unquoted account id and key id',
  refuses,
  'accounts:\n  - id: 000000000002\n    accessKeys:\n      - id: 000000000003\n        secret: test\n',
  `2:9: \`id\` ${QUOTE}: '000000000002'`,
  '4:13: `id` must be an access key id of 3 to 128 letters, digits or `_`; ' +
    "unquoted, this is not text to YAML, so quote it: '000000000003'",
)
test(
  'a secret that is a number, which is not shown',
  refuses,
  "accounts: [{ id: '000000000002', accessKeys: [{ id: abc, secret: 4711 }] }]",
  '1:66: `secret` must be text of 1 to 128 characters; unquoted, this is not text to YAML, so quote it',
)
test('an account id that is too short', refuses, "account: '12'", '1:10: `account` must be an account id of 12 digits')
test('a misspelt key', refuses, 'acounts: []', '1:1: unknown key `acounts`; did you mean `accounts`?')
test('a key in other letters', refuses, 'devicerate: 5', '1:1: unknown key `devicerate`; did you mean `deviceRate`?')
test(
  'a key nothing like any',
  refuses,
  'tls: { certificate: x }',
  '1:6: `cert` is missing',
  '1:6: `key` is missing',
  '1:8: unknown key `certificate`; there are `cert`, `key`',
)
test(
  'a property of objects',
  refuses,
  'tls: { cert: a, key: b, constructor: c }',
  '1:25: unknown key `constructor`; there are `cert`, `key`',
)
test(
  'everything wrong at once, in the order of the file',
  refuses,
  'port: 70000\nslots: many\nmemory: yes\nhost: [a]\ndata:\ndeviceRate: 0.5\ntls: cert.pem\naccounts: { id: x }\n',
  '1:7: `port` must be a whole number from 0 to 65535',
  '2:8: `slots` must be a whole number from 1 to 16777216',
  '3:9: `memory` must be true or false',
  '4:7: `host` must be an address or host name',
  '5:1: `data` has no value',
  '6:13: `deviceRate` must be a whole number from 1 to 1000000000',
  '7:6: `tls` must have the keys cert, key',
  '8:11: `accounts` must be a list',
)
test(
  'an account without its parts',
  refuses,
  'accounts:\n  - {}\n  - x\n',
  '2:5: `id` is missing',
  '3:5: `accounts` must have the keys id, accessKeys, users, groups, roles, policies',
)
test(
  'an access key listed twice, in two accounts',
  refuses,
  `accounts:
  - { id: '000000000001', accessKeys: [{ id: abc, secret: x }] }
  - { id: '000000000002', accessKeys: [{ id: abc, secret: y }] }
  - { id: '000000000001', accessKeys: [] }
`,
  "3:46: `id` is used before: 'abc'",
  "4:11: `id` is used before: '000000000001'",
)
test(
  'a list',
  refuses,
  '- a',
  '1:1: `file` must have the keys accounts, organization, account, host, port, data, memory, slots, deviceRate, seed, tls, attestationRoots, settleMillis, grantDelayMillis, audit, auditDays',
)
test('two documents', refuses, '---\nport: 1\n---\nport: 2', '3:1: Source contains multiple documents')
test('a key given twice', refuses, 'port: 1\nport: 2', '2:1: Map keys must be unique')
test('a reference', refuses, 'port: 1\nhost: *x', '2:7: `host` must be an address or host name')
test('a tag of somebody', refuses, 'host: !!js/function x', '1:7: Unresolved tag: tag:yaml.org,2002:js/function')
test(
  'an access key with a slash',
  refuses,
  "accounts: [{ id: '000000000001', accessKeys: [{ id: a/bc, secret: x }] }]",
  '1:53: `id` must be an access key id of 3 to 128 letters, digits or `_`',
)
test(
  'a secret over 128 characters',
  refuses,
  accounts(`secret: ${'s'.repeat(129)}`),
  '1:66: `secret` must be text of 1 to 128 characters',
)
test('a secret of nothing', refuses, accounts("secret: ''"), '1:66: `secret` must be text of 1 to 128 characters')

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
test('a trail of another kind', refuses, 'audit: sometimes', '1:8: `audit` must be batched or strict or off')

const silent = test.macro({
  title: (why = '') => `no complaint quotes a secret: ${why}`,
  exec: (t, yaml: string) => {
    const error = t.throws(() => parseConfig(yaml, 'room.yaml'), { instanceOf: ConfigError })
    t.notRegex(error?.message ?? '', /hidden/)
  },
})
test('a quote that is not closed', silent, accounts('secret: "hidden'))
test('a mapping in a value', silent, 'accounts:\n  - accessKeys:\n      - secret: a: hidden')
test('a bracket and a token astray', silent, 'accounts:\n - a\n  - secret: x\n x: }hidden')
test('an escape YAML lacks', silent, accounts('secret: "\\hidden"'))
test('a list for a secret', silent, accounts('secret: [hidden]'))
test('a tab', silent, '\thidden: hidden')

test('a file is read from its place, and its paths with it', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'room.yaml')
  writeFileSync(file, 'data: keys\ntls: { cert: c.pem, key: /k.pem }\nattestationRoots: [r.pem]\n')
  t.throws(() => readConfig(file), { instanceOf: ConfigError, message: /r\.pem: cannot be read \(ENOENT\)/ })
  writeFileSync(join(folder, 'r.pem'), 'a certificate')
  t.like(readConfig(file), {
    data: join(folder, 'keys'),
    tls: { cert: join(folder, 'c.pem'), key: '/k.pem' },
    attestationRoots: ['a certificate'],
  })
  t.throws(() => readConfig(join(folder, 'none')), {
    instanceOf: ConfigError,
    message: /none: cannot be read \(ENOENT\)/,
  })
})

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

/** A file of one account with one key, which has this besides its id. */
function accounts(rest: string): string {
  return `accounts: [{ id: '000000000001', accessKeys: [{ id: abc, ${rest} }] }]`
}
