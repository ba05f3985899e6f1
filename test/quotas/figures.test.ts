/** The figures: AWS's by Region, those of old, those of a file, and what is changed at run time. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { ConfigError } from '../../src/config.ts'
import { KmsError, Strongroom } from '../../src/index.ts'
import { quotasAdmin } from '../../src/quotas/admin.ts'
import { ADJUSTABLE, FIXED } from '../../src/quotas/figures.ts'
import type { QuotaSetting } from '../../src/quotas/quotas.ts'
import { parseQuotas } from '../../src/quotas/written.ts'
import { refuses } from '../helpers/scene.ts'
import { accepted, ACCOUNT, OTHER, still } from './throttled.ts'

const NAMES = [...Object.keys(ADJUSTABLE), ...Object.keys(FIXED)]

const is = test.macro({
  title: (_, quotas: QuotaSetting, quota: string, region: string, value: number) =>
    `${typeof quotas === 'string' ? quotas : 'a profile'}: ${quota} in ${region} is ${value}`,
  async exec(t, quotas: QuotaSetting, quota: string, region: string, value: number) {
    const { room } = await still(t, { quotas })
    t.is(room.quotas.get({ quota, region, account: ACCOUNT }), value)
  },
})
for (const region of ['us-east-1', 'us-west-2', 'eu-west-1']) {
  test(is, 'aws', 'Symmetric', region, 100_000)
  test(is, 'classic', 'Symmetric', region, 30_000)
}
const LARGER = ['us-east-2', 'ap-southeast-1', 'ap-southeast-2', 'ap-northeast-1', 'eu-central-1', 'eu-west-2']
for (const region of LARGER) {
  test(is, 'aws', 'Symmetric', region, 20_000)
  test(is, 'classic', 'Symmetric', region, 10_000)
}
for (const region of ['eu-west-3', 'eu-north-1', 'cn-north-1']) {
  test(is, 'aws', 'Symmetric', region, 10_000)
  test(is, 'classic', 'Symmetric', region, 5500)
}
for (const [quota, aws, classic] of [
  ['RSA', 1000, 500],
  ['ECC', 1000, 300],
  ['ML-DSA', 1000, 1000],
  ['ML-KEM', 1000, 1000],
  ['CustomKeyStore', 1800, 1800],
  ['GenerateDataKeyPair/ECC_NIST_P256', 100, 100],
  ['GenerateDataKeyPair/RSA_2048', 20, 20],
  ['GenerateDataKeyPair/RSA_3072', 4, 4],
  ['GenerateDataKeyPair/RSA_4096', 1, 1],
  ['GetParametersForImport', 1, 1],
  ['CreateKey', 5, 5],
  ['TagResource', 10, 10],
  ['DeleteAlias', 15, 15],
  ['CreateGrant', 50, 50],
  ['ListGrants', 100, 100],
  ['ListKeys', 500, 500],
  ['GetKeyPolicy', 1000, 1000],
  ['DescribeKey', 2000, 2000],
  ['Keys', 100_000, 100_000],
  ['AliasesPerKey', 50, 50],
  ['GrantsPerKey', 50_000, 50_000],
  ['CustomKeyStores', 10, 10],
  ['TagsPerKey', 50, 50],
  ['PolicyBytes', 32_768, 32_768],
  ['OnDemandRotationsPerKey', 25, 25],
] as const) {
  test(is, 'aws', quota, 'us-east-1', aws)
  test(is, 'classic', quota, 'us-east-1', classic)
}
test(is, 'aws', 'GenerateDataKeyPair/RSA_2048', 'cn-north-1', 1)
test(is, 'aws', 'GenerateDataKeyPair/RSA_3072', 'cn-northwest-1', 0.5)
test(is, 'aws', 'GenerateDataKeyPair/RSA_4096', 'cn-north-1', 0.1)
test(is, 'aws', 'GenerateDataKeyPair/SM2', 'cn-north-1', 25)

const PROFILE = parseQuotas(
  `# what our company has been granted
base: classic
quotas: { RSA: 700, Keys: 1000 }
regions:
  eu-west-3: { Symmetric: 15000, RSA: 800 }
accounts:
  '${ACCOUNT}':
    quotas: { ECC: 301, RSA: 900 }
    regions: { eu-north-1: { RSA: 950, GenerateDataKeyPair/RSA_4096: 0.5 } }
`,
  'quotas.yaml',
)
test(is, PROFILE, 'RSA', 'eu-north-1', 950)
test(is, PROFILE, 'RSA', 'eu-west-3', 900)
test(is, PROFILE, 'ECC', 'eu-west-3', 301)
test(is, PROFILE, 'Symmetric', 'eu-west-3', 15_000)
test(is, PROFILE, 'Symmetric', 'us-east-1', 30_000)
test(is, PROFILE, 'Keys', 'us-east-1', 1000)
test(is, PROFILE, 'GenerateDataKeyPair/RSA_4096', 'eu-north-1', 0.5)
test('a profile: what it says of an account is nothing to another', async (t) => {
  const { room } = await still(t, { quotas: PROFILE })
  const of = (quota: string, region: string) => room.quotas.get({ quota, region, account: OTHER })
  t.deepEqual([of('RSA', 'eu-north-1'), of('RSA', 'eu-west-3'), of('ECC', 'eu-north-1')], [700, 800, 300])
})

const mistaken = test.macro({
  title: (_, ...[yaml = '']: string[]) => `refused: ${yaml.replaceAll('\n', ' ')}`,
  exec(t, yaml: string, ...problems: string[]) {
    const error = t.throws(() => parseQuotas(yaml, 'q.yaml'), { instanceOf: ConfigError })
    t.deepEqual(
      error.message.split('\n'),
      problems.map((problem) => `q.yaml:${problem}`),
    )
  },
})
test(mistaken, 'base: azure', '1:7: `base` must be aws or classic')
test(mistaken, 'quotas: 5', `1:9: \`quotas\` must have the keys ${NAMES.join(', ')}`)
test(mistaken, 'quotas: { Symetric: 5 }', '1:11: unknown key `Symetric`; did you mean `Symmetric`?')
test(
  mistaken,
  'quotas:\n  Symmetric: many\n  RSA: -1\n  ECC: 0.0001\n  Keys: 1.5\n  CustomKeyStores: 1001',
  '2:14: `Symmetric` must be a number of requests a second from 0.001 to 1000000000',
  '3:8: `RSA` must be a number of requests a second from 0.001 to 1000000000',
  '4:8: `ECC` must be a number of requests a second from 0.001 to 1000000000',
  '5:9: `Keys` must be a whole number from 0 to 1000000000',
  '6:20: `CustomKeyStores` must be a whole number from 0 to 1000',
)
test(
  mistaken,
  'quotas: { PolicyBytes: 65536, OnDemandRotationsPerKey: 50, CustomKeyStore: 4000 }',
  '1:24: `PolicyBytes` is 32768; AWS raises it for nobody',
  '1:56: `OnDemandRotationsPerKey` is 25; AWS raises it for nobody',
  '1:76: `CustomKeyStore` is 1800; AWS raises it for nobody',
)
test(mistaken, 'regions: { Frankfurt: {} }', '1:12: a key of `regions` must be a Region like `us-east-1`')
test(mistaken, "accounts: { '12': {} }", '1:13: a key of `accounts` must be an account id of 12 digits')

test('an increase works from its call on', async (t) => {
  const { room } = await still(t, { quotas: 'aws' })
  const create = () => room.createKey({})
  t.is(await accepted(create), 5)
  await room.quotas.set({ quota: 'CreateKey', value: 8, account: ACCOUNT, region: 'us-east-1' })
  t.is(await accepted(create), 3)
  t.is(await accepted(() => room.as({ region: 'eu-west-1' }).createKey({})), 5)
  t.is(await accepted(() => room.as({ account: OTHER }).createKey({})), 5)
  await room.quotas.reset({ quota: 'CreateKey', account: ACCOUNT, region: 'us-east-1' })
  t.is(room.quotas.get({ quota: 'CreateKey', account: ACCOUNT, region: 'us-east-1' }), 5)
})

test('what is changed goes before what was written down, and the particular before the general', async (t) => {
  const { room } = await still(t, { quotas: PROFILE })
  const rsa = (region: string, account = ACCOUNT) => room.quotas.get({ quota: 'RSA', region, account })
  await room.quotas.set({ quota: 'RSA', value: 1 })
  t.deepEqual([rsa('eu-north-1'), rsa('eu-west-3'), rsa('us-east-1', OTHER)], [1, 1, 1])
  await room.quotas.set({ quota: 'RSA', value: 2, region: 'eu-west-3' })
  await room.quotas.set({ quota: 'RSA', value: 3, account: OTHER })
  t.deepEqual([rsa('eu-north-1'), rsa('eu-west-3'), rsa('eu-west-3', OTHER)], [1, 2, 3])
  await room.quotas.reset({ quota: 'RSA' })
  t.deepEqual([rsa('eu-north-1'), rsa('eu-west-3'), rsa('us-east-1')], [950, 2, 900])
})

test('a folder keeps what was changed, and nothing is lost of what is changed at the same time', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'strongroom-quotas-'))
  t.teardown(() => rm(data, { recursive: true }))
  const first = await Strongroom.open({ data })
  const regions = ['eu-west-1', 'eu-west-2', 'eu-west-3']
  await Promise.all(regions.map((region, i) => first.quotas.set({ quota: 'RSA', value: i + 1, region })))
  await first.close()
  const again = await Strongroom.open({ data })
  t.teardown(() => again.close())
  t.deepEqual(
    regions.map((region) => again.quotas.get({ quota: 'RSA', region })),
    [1, 2, 3],
  )
  t.is(again.quotas.changes.length, 3)
})

const unchangeable = test.macro({
  title: (_, change: object) => `not to be changed: ${JSON.stringify(change)}`,
  async exec(
    t,
    change: { quota: string; value: number; account?: string; region?: string },
    code: string,
    message: string,
  ) {
    const { room } = await still(t)
    await refuses(t, room.quotas.set(change), code, message)
    t.deepEqual(room.quotas.changes, [])
  },
})
const INVALID = 'ValidationException'
test(
  unchangeable,
  { quota: 'PolicyBytes', value: 65_536 },
  INVALID,
  '`PolicyBytes` is 32768; AWS raises it for nobody.',
)
test(unchangeable, { quota: 'TagsPerKey', value: 51 }, INVALID, '`TagsPerKey` is 50; AWS raises it for nobody.')
test(
  unchangeable,
  { quota: 'OnDemandRotationsPerKey', value: 26 },
  ...([INVALID, '`OnDemandRotationsPerKey` is 25; AWS raises it for nobody.'] as const),
)
test(
  unchangeable,
  { quota: 'symmetric', value: 9 },
  'NotFoundException',
  'There is no quota `symmetric`; did you mean `Symmetric`?',
)
test(unchangeable, { quota: 'Keys', value: 0.5 }, INVALID, '`Keys` must be a whole number from 0 to 1000000000')
test(
  unchangeable,
  { quota: 'RSA', value: Number.NaN },
  ...([INVALID, '`RSA` must be a number of requests a second from 0.001 to 1000000000'] as const),
)
test(
  unchangeable,
  { quota: 'RSA', value: '5' as never },
  ...([INVALID, '`RSA` must be a number of requests a second from 0.001 to 1000000000'] as const),
)
test(unchangeable, { quota: 'RSA', value: 5, account: '12' }, INVALID, 'an account id has 12 digits')
test(unchangeable, { quota: 'RSA', value: 5, region: 'moon' }, INVALID, 'a Region has a name like `us-east-1`')

test('the admin route shows, changes and takes back', async (t) => {
  const { room } = await still(t, { quotas: 'aws' })
  const asked = async (method: string, body?: unknown) => {
    const { status, body: said } = await quotasAdmin(room.quotas)(
      method,
      body === undefined ? '' : JSON.stringify(body),
    )
    return { status, ...(JSON.parse(said) as { quotas?: { quota: string; value: number }[]; message?: string }) }
  }
  const symmetric = { quota: 'Symmetric', unit: 'per second', adjustable: true }
  const first = await asked('GET')
  t.like(first, { status: 200, throttles: true, changes: [] })
  t.deepEqual(
    first.quotas?.map(({ quota }) => quota),
    NAMES,
  )
  t.like(first.quotas?.[0], { ...symmetric, value: 10_000 })
  t.like((await asked('POST', { region: 'us-east-1' })).quotas?.[0], { ...symmetric, value: 100_000 })
  const named = { quota: 'Symmetric', account: ACCOUNT, region: 'us-east-1' }
  const change = { ...named, value: 200_000 }
  t.like(await asked('PUT', change), { status: 200, changes: [change] })
  t.like((await asked('POST', { region: 'us-east-1' })).quotas?.[0], { ...symmetric, value: 100_000 })
  t.like((await asked('POST', { account: ACCOUNT, region: 'us-east-1' })).quotas?.[0], { ...symmetric, value: 200_000 })
  t.like(await asked('DELETE', { quota: 'Symmetric' }), { status: 404, message: '`Symmetric` was not changed there.' })
  t.like(await asked('DELETE', named), { status: 200, changes: [] })
  t.like(await asked('PUT', { quota: 'Symmetric', value: '9' }), {
    status: 400,
    message: 'request:1:30: `value` must be a number',
  })
  t.like(await asked('PUT', { value: 9 }), { status: 400, message: 'request:1:1: `quota` is missing' })
  t.like(await asked('PUT', { quota: 'Keyz', value: 9 }), { status: 404 })
  t.is((await asked('PATCH')).status, 405)
})

test('what is refused is a KmsError, as all is', async (t) => {
  const { room } = await still(t)
  t.throws(() => room.quotas.get({ quota: 'constructor' }), { instanceOf: KmsError })
})
