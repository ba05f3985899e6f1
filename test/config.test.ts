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
backend: { module: hsm.so, tokenLabel: keys, slot: 1, pinFile: pin, profile: p.json, sessions: 8 }
seed: 42
tls: { cert: c.pem, key: k.pem }
attestationRoots: [nitro.pem]
settleMillis: 250
grantDelayMillis: 500
quotas: { base: classic, quotas: { Symmetric: 20000 } }
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
    backend: { module: 'hsm.so', tokenLabel: 'keys', slot: 1, pinFile: 'pin', profile: 'p.json', sessions: 8 },
    seed: 42,
    tls: { cert: 'c.pem', key: 'k.pem' },
    attestationRoots: ['nitro.pem'],
    settleMillis: 250,
    grantDelayMillis: 500,
    quotas: { base: 'classic', quotas: { Symmetric: 20_000 } },
    audit: 'off',
    auditDays: 90,
  },
)

test('a token by its URI alone', reads, 'backend: pkcs11:token=a?module-name=hsm', {
  backend: { uri: 'pkcs11:token=a?module-name=hsm' },
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
test(
  'a PIN in the file, which is not shown',
  refuses,
  'backend: pkcs11:token=a?pin-value=4711',
  '1:10: `backend`: `pin-value` shows the PIN to everybody who sees the URI; name a file of it with pin-source',
)
test(
  'a PIN in the file, in so many words',
  refuses,
  'backend: { pin: 4711 }',
  '1:12: unknown key `pin`; there are `uri`, `module`, `tokenLabel`, `slot`, `pinFile`, `profile`, `sessions`, `isolate`',
)
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
  '1:1: `file` must have the keys accounts, organization, account, host, port, data, memory, slots, deviceRate, backend, seed, tls, attestationRoots, settleMillis, simulatedMfa, grantDelayMillis, clusters, xks, quotas, faults, audit, auditDays',
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

/** A file of one account with one key, which has this besides its id. */
function accounts(rest: string): string {
  return `accounts: [{ id: '000000000001', accessKeys: [{ id: abc, ${rest} }] }]`
}
