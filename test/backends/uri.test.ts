/** `pkcs11:` URIs: what they come to, and what is refused for it might be another token. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { located, nameOf } from '../../src/backends/pkcs11/choice.ts'
import { readPin } from '../../src/backends/pkcs11/pinfile.ts'
import { identityOf, isMeant, parseTokenUri, type TokenUri } from '../../src/backends/pkcs11/uri.ts'

const means: readonly (readonly [what: string, uri: string, meaning: TokenUri])[] = [
  ['nothing in particular', 'pkcs11:', {}],
  ['the scheme in capitals', 'PKCS11:token=a', { token: 'a' }],
  ['a token', 'pkcs11:token=payments', { token: 'payments' }],
  ['blanks, and signs of the URI itself', 'pkcs11:token=my%20token%3B%3D%25', { token: 'my token;=%' }],
  ['more than ASCII', 'pkcs11:token=%C3%BCber', { token: 'über' }],
  ['signs that may stand as they are', "pkcs11:token=a:[b]@!$'()*+,=&c", { token: "a:[b]@!$'()*+,=&c" }],
  ['a label that is empty', 'pkcs11:token=;serial=1', { token: '', serial: '1' }],
  [
    'all that tells tokens apart',
    'pkcs11:token=t;manufacturer=m;serial=s;model=o;slot-id=4294967295',
    { token: 't', manufacturer: 'm', serial: 's', model: 'o', slotId: '4294967295' },
  ],
  ['a key, for others', 'pkcs11:object=k;type=secret-key;id=%00%ffA', { object: 'k', id: '00ff41' }],
  [
    'a module and a PIN',
    'pkcs11:token=t?module-path=/usr/lib/a.so&pin-source=file:/etc/pin',
    { token: 't', modulePath: '/usr/lib/a.so', pinFile: '/etc/pin' },
  ],
  ['a file with slashes', 'pkcs11:?pin-source=file:///etc/my%2520pin', { pinFile: '/etc/my pin' }],
  ['a file without a scheme', 'pkcs11:?pin-source=/etc/pin', { pinFile: '/etc/pin' }],
  ['a module by its name', 'pkcs11:?module-name=softhsm2', { moduleName: 'softhsm2' }],
  ['what others want to know', 'pkcs11:token=t?x-vendor=1&x-vendor=2', { token: 't' }],
]
for (const [what, uri, meaning] of means) {
  test(`a URI says ${what}: ${uri}`, (t) => t.deepEqual(parseTokenUri(uri), meaning))
}

const refused: readonly (readonly [why: string, uri: string, words: RegExp])[] = [
  ['another scheme', 'pkcs12:token=a', /begins with `pkcs11:`/],
  ['no scheme', 'payments', /begins with `pkcs11:`/],
  ['an attribute nobody knows', 'pkcs11:tokn=a', /`tokn` is not known/],
  ['an attribute of a vendor', 'pkcs11:token=a;x-hsm=1', /`x-hsm` is not known/],
  ['an attribute twice', 'pkcs11:token=a;token=a', /`token` is there twice/],
  ['a query attribute twice', 'pkcs11:?pin-source=/a&pin-source=/b', /`pin-source` is there twice/],
  ['no value', 'pkcs11:token', /name=value/],
  ['nothing between two separators', 'pkcs11:token=a;;model=b', /name=value/],
  ['a separator at the end', 'pkcs11:token=a;', /name=value/],
  ['a blank as it is', 'pkcs11:token=my token', /`token` has characters that must be percent-encoded/],
  ['a slash as it is, in front of the query', 'pkcs11:token=a/b', /percent-encoded/],
  ['half of an encoded byte', 'pkcs11:token=%2', /percent-encoded/],
  ['bytes that are no text', 'pkcs11:token=%ff', /`token` is no text/],
  ['a slot that is no number', 'pkcs11:slot-id=one', /`slot-id` is a number/],
  ['a type there is not', 'pkcs11:type=token', /`type` is public/],
  ['what we do not compare', 'pkcs11:library-version=2', /`library-version` is not looked at/],
  ['a PIN for everybody to see', 'pkcs11:token=a?pin-value=1234', /`pin-value` shows the PIN/],
  ['a program', 'pkcs11:?pin-source=|/bin/pin', /programs are not asked/],
  ['a file who knows where', 'pkcs11:?pin-source=pin', /from the root on/],
  ['a file of another machine', 'pkcs11:?pin-source=file://else/pin', /`pin-source` is no file of this machine/],
  ['a module who knows where', 'pkcs11:?module-path=a.so', /`module-path` is a path from the root on/],
  ['a name that is a path', 'pkcs11:?module-name=/a.so', /`module-name` is no path/],
]
for (const [why, uri, words] of refused) {
  test(`a URI with ${why} is refused: ${uri}`, (t) => {
    const error = t.throws(() => parseTokenUri(uri), { code: 'UriInvalid', message: words })
    t.notRegex(error.message, /1234/)
  })
}

const padded = (text: string, length: number) => text.padEnd(length)
const info = {
  ...{ label: padded('my token;', 32), manufacturerID: padded('Ünder', 32) },
  ...{ model: padded('v2', 16), serialNumber: '0001\0\0' },
} as Parameters<typeof identityOf>[0]

test('what a token is called leads to it, and to no token that differs in anything', (t) => {
  const identity = identityOf(info)
  t.is(identity, 'pkcs11:model=v2;manufacturer=%C3%9Cnder;serial=0001;token=my%20token%3B')
  const traits = parseTokenUri(identity)
  t.true(isMeant(traits, info))
  t.true(isMeant({}, info))
  for (const member of ['label', 'manufacturerID', 'model', 'serialNumber'] as const) {
    t.false(isMeant(traits, { ...info, [member]: 'other' }), member)
  }
})

test('options and URI say each thing once', (t) => {
  const { module, choice } = located({ uri: 'pkcs11:token=t?module-path=/a.so', pin: '1234', sessions: 2 })
  t.is(module, '/a.so')
  t.like(choice, { traits: { token: 't' }, pin: '1234', sessions: 2 })
  t.is(nameOf(choice), 'labelled `t`')
  for (const [options, words] of [
    [{ module: '/b.so' }, /the module is named twice/],
    [{ pinFile: '/pin' }, /the PIN is named twice/],
    [{ tokenLabel: 't' }, /the token is named twice/],
  ] as const) {
    const uri = 'pkcs11:token=t?module-path=/a.so'
    t.throws(() => located({ uri, pin: '1234', ...options }), { code: 'UriInvalid', message: words })
  }
  t.throws(() => located({ pin: '1234' }), { instanceOf: TypeError, message: /`module`/ })
  t.throws(() => located({ module: '/a.so' }), { instanceOf: TypeError, message: /`pin`/ })
  t.throws(() => located({ uri: 'pkcs11:?module-name=no-such-hsm', pin: '' }), { code: 'ModuleMissing' })
})

test('a PIN file is its owner’s alone, and its last newline is none of the PIN', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-pin-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'pin')
  const written = (text: string, mode: number) => {
    writeFileSync(file, text)
    chmodSync(file, mode)
    return () => readPin(file)
  }
  for (const text of ['12 34', '12 34\n', '12 34\r\n']) t.is(written(text, 0o600)(), '12 34')
  t.is(written('1234\n\n', 0o400)(), '1234\n')
  for (const mode of [0o640, 0o604, 0o620, 0o644, 0o777]) {
    const error = t.throws(written('1234', mode), { code: 'PinFileExposed' })
    t.regex(error.message, new RegExp(`mode 0${mode.toString(8)}.*chmod 600`))
  }
  t.throws(written('\n', 0o600), { code: 'PinFileEmpty' })
  t.throws(() => readPin(join(folder, 'none')), { code: 'PinFileMissing', message: /ENOENT/ })
})
