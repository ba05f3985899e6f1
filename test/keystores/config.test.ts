/** Clusters and proxies in the config file. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { ConfigError, parseConfig, readConfig } from '../../src/config.ts'
import { folder, TrustAnchorCertificate } from '../helpers/stores.ts'

test('clusters are tokens or simulated, and files are beside the config file', (t) => {
  const place = folder(t)
  writeFileSync(join(place, 'ca.pem'), TrustAnchorCertificate)
  const file = join(place, 'room.yaml')
  writeFileSync(
    file,
    [
      'clusters:',
      '  cluster-234567abcde: simulated',
      '  cluster-abcdefghijk: { module: lib.so, tokenLabel: payments, trustAnchor: ca.pem }',
      'xks: { ca: [ca.pem], endpoints: { "https://xks.example.com": "http://127.0.0.1:4700" }, timeoutMillis: 1000 }',
    ].join('\n'),
  )
  const { clusters, xks } = readConfig(file)
  t.deepEqual(clusters, {
    'cluster-234567abcde': 'simulated',
    'cluster-abcdefghijk': {
      module: join(place, 'lib.so'),
      tokenLabel: 'payments',
      trustAnchor: TrustAnchorCertificate,
    },
  })
  t.like(xks, {
    ca: [TrustAnchorCertificate],
    endpoints: { 'https://xks.example.com': 'http://127.0.0.1:4700' },
    timeoutMillis: 1000,
  })
})

for (const [why, yaml, message] of [
  ['an id that is none', 'clusters: { vault: simulated }', /must be the id of a cluster/],
  ['a word that is not simulated', 'clusters: { cluster-234567abcde: real }', /must be simulated/],
  ['a PIN', 'clusters: { cluster-234567abcde: { pinFile: pin } }', /unknown key `pinFile`/],
  [
    'an endpoint without TLS',
    'xks: { endpoints: { "http://a.example.com": "http://127.0.0.1" } }',
    /an https endpoint/,
  ],
] as const) {
  test(`the config file refuses ${why}`, (t) => {
    t.throws(() => parseConfig(yaml, 'room.yaml'), { instanceOf: ConfigError, message })
  })
}
