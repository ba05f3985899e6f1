/** Profiles: a token opened by what is known of its kind, and by nothing else; the schema they are published with. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { Library } from '../../src/backends/pkcs11/cryptoki.ts'
import { PROFILE_SCHEMA, type TokenProfile } from '../../src/backends/pkcs11/profile.ts'
import { pkcs11 } from '../../src/index.ts'
import { softTokens } from '../helpers/softhsm.ts'
import { read } from '../helpers/tree.ts'
import { materialOf } from './contract/workbench.ts'

const { one } = softTokens('one')
const hello = Buffer.from('attack at dawn')

async function probed(): Promise<TokenProfile> {
  const { backend, profile } = await pkcs11(one).open()
  await backend.close()
  return JSON.parse(JSON.stringify(profile)) as TokenProfile
}

test('docs/conformance/profile.schema.json is the schema that profiles are read by', (t) => {
  t.deepEqual(JSON.parse(read('docs/conformance/profile.schema.json')), PROFILE_SCHEMA)
})

test.serial('a token whose profile is given is not probed, and has the abilities of the profile', async (t) => {
  const profile = await probed()
  const { cryptoki } = await Library.open(one.module)
  const rightly = cryptoki.C_GenerateKeyPairAsync as (...given: unknown[]) => unknown
  let made = 0
  Object.assign(cryptoki, {
    C_GenerateKeyPairAsync: (...given: unknown[]) => {
      made++
      return rightly.apply(cryptoki, given)
    },
  })
  t.teardown(() => void Object.assign(cryptoki, { C_GenerateKeyPairAsync: rightly }))
  const full = await pkcs11(one).open()
  t.true(made > 0)
  made = 0
  const known = await pkcs11({ ...one, profile }).open()
  t.is(made, 0)
  t.deepEqual(known.abilities, full.abilities)
  t.deepEqual(known.profile, full.profile)
  await full.backend.close()

  const material = materialOf((await known.backend.create('AES_256', 3)).token)
  const blob = Buffer.from(await known.backend.cipher.seal(material, hello, undefined))
  t.deepEqual(Buffer.from(await known.backend.cipher.open(material, blob, undefined)), hello)
  await known.backend.close()
})

test.serial('what a profile does not say the token can, it is not asked for', async (t) => {
  const profile = await probed()
  const { abilities } = profile
  const less = { ...profile, abilities: { ...abilities, specs: abilities.specs.filter((spec) => spec !== 'RSA_4096') } }
  const { backend } = await pkcs11({ ...one, profile: less }).open()
  t.throws(() => backend.create('RSA_4096', 3), { code: 'UnsupportedOperationException' })
  t.notThrows(() => backend.create('AES_256', 3))
  await backend.close()
})

test.serial('a profile comes from a file, or from a report that has one', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-profile-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const { abilities, ...rest } = await probed()
  const profile = { ...rest, abilities: { ...abilities, kwp: '0x210a' } }
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  for (const path of [file('p.json', JSON.stringify(profile)), file('r.json', JSON.stringify({ profile }))]) {
    const opened = await pkcs11({ ...one, profile: path }).open()
    t.is(opened.profile.abilities.kwp, '0x210a')
    await opened.backend.close()
  }
  for (const path of [file('x.json', '{'), join(folder, 'none.json')]) {
    await t.throwsAsync(pkcs11({ ...one, profile: path }).open(), { code: 'ProfileInvalid' })
  }
})

const others: readonly (readonly [what: string, code: string, words: RegExp, path: string, value: unknown])[] = [
  ['another model', 'ProfileMismatch', /token whose model is `X`/, 'device.token.model', 'X'],
  ['another maker', 'ProfileMismatch', /manufacturer is `X`/, 'device.token.manufacturer', 'X'],
  ['another firmware', 'ProfileMismatch', /firmware is `9.9`/, 'device.token.firmware', '9.9'],
  ['another module', 'ProfileMismatch', /module whose version/, 'device.module.version', '0.1'],
  ['no kind', 'ProfileInvalid', /must have `device`/, 'device', undefined],
  ['another version', 'ProfileInvalid', /`schema` must be/, 'schema', '2'],
  ['IVs of 16 bytes', 'ProfileInvalid', /`abilities`.gcm.iv must be 12 or 28/, 'abilities.gcm.iv', 16],
  ['words of its own', 'ProfileInvalid', /must not have `pin`/, 'pin', '1'],
  ['specs that are no list', 'ProfileInvalid', /specs must be of the type array/, 'abilities.specs', 'A'],
  ['a spec twice', 'ProfileInvalid', /specs must not say anything twice/, 'abilities.specs', ['A', 'A']],
  ['a number among specs', 'ProfileInvalid', /specs\[0\] must be of the type string/, 'abilities.specs.0', 1],
  ['a form of its own', 'ProfileInvalid', /refusals\[0\] must match/, 'abilities.gcm.refusals.0', 'no'],
  ['nobody we know', 'ProfileInvalid', /token or host or nobody/, 'abilities.oaep.RSAES_OAEP_SHA_1', 'x'],
]
for (const [what, code, words, path, value] of others) {
  test.serial(`a profile of ${what} is refused`, async (t) => {
    const profile = await probed()
    put(profile, path.split('.'), value)
    await t.throwsAsync(pkcs11({ ...one, profile }).open(), { code, message: words })
    const opened = await pkcs11(one).open()
    await opened.backend.close()
  })
}

function put(within: object, [name, ...rest]: readonly string[], value: unknown): void {
  if (rest.length > 0) put(Reflect.get(within, name!) as object, rest, value)
  else if (value === undefined) Reflect.deleteProperty(within, name!)
  else Reflect.set(within, name!, value)
}
