/** Every class of check can fail: a token with a bug planted in it fails the checks that are about it, and passes them without. */
import test from 'ava'
import type { Verdict } from '../../src/conformance/report.ts'
import { plantable, plantedToken, verdicts } from './planted/token.ts'

/** What checks come to with a bug; `failed` where nothing else is said. */
interface Bug {
  readonly sentence: string
  readonly checks: readonly string[]
  readonly verdict?: Verdict
}

const BUGS: Readonly<Record<string, Bug>> = {
  'login-twice': { sentence: 'a second login is welcome', checks: ['login.twice'] },
  'any-pin': { sentence: 'any PIN will do', checks: ['login.wrong-pin'] },
  'logout-ignored': { sentence: 'nobody is ever logged out', checks: ['logout.key'] },
  'initialize-twice': { sentence: 'a module is initialised twice', checks: ['general.initialize.twice'] },
  'finalize-ignored': { sentence: 'a module is never finalised', checks: ['general.not-initialized.get-info'] },
  'close-ignored': { sentence: 'objects survive their session', checks: ['session.close.objects'] },
  'two-sessions': { sentence: 'there are two sessions at most', checks: ['limits.sessions.64'] },
  'read-only-ignored': {
    sentence: 'read-only sessions write',
    checks: ['session.state.ro-user'],
  },
  'state-stuck': { sentence: 'a session never tells who is logged in', checks: ['session.state.rw-user'] },
  'slots-untold': {
    sentence: 'who has too little room is not told how much it takes',
    checks: ['slot.list.too-small'],
  },
  'info-in-zeros': { sentence: 'texts end with zeros', checks: ['general.info.manufacturer'] },
  'crash-on-null': {
    sentence: 'NULL brings the module down',
    checks: ['arguments.null.get-info.info', 'arguments.null.find-objects-init.template'],
    verdict: 'crashed',
  },
  'mechanism-undescribed': { sentence: 'a mechanism is listed and not described', checks: ['mechanism.info'] },
  'mechanism-absent': { sentence: 'a mechanism is announced and absent', checks: ['mechanism.sha3-256.digest'] },
  'sensitive-readable': {
    sentence: 'sensitive keys are readable',
    checks: ['protection.sensitive.aes-generated', 'protection.sensitive.ec.value', 'protection.sensitive.rsa.prime-1'],
  },
  'sensitive-cleared': { sentence: 'a key is no longer sensitive when asked', checks: ['protection.set.sensitive'] },
  'trusted-by-user': { sentence: 'a user makes a key trusted', checks: ['protection.trusted.set'] },
  'copy-extractable': {
    sentence: 'a copy is less protected',
    checks: ['protection.copy.extractable', 'protection.copy.sensitive'],
  },
  'object-forgotten': { sentence: 'stored objects are gone with the session', checks: ['persistence.imported'] },
  'destroy-ignored': { sentence: 'what is destroyed lives', checks: ['object.destroy'] },
  'any-key-size': { sentence: 'keys have any size', checks: ['mechanism.aes-key-gen.refuses-17'] },
  'find-misses': { sentence: 'one object is never found', checks: ['find.page'] },
  'wrap-anything': { sentence: 'keys that stay leave wrapped', checks: ['protection.unextractable'] },
  'wrap-corrupt': {
    sentence: 'wrapped keys are broken',
    checks: ['aes-kw.wycheproof.256.valid'],
  },
  'wrap-past-end': { sentence: 'a byte is written behind a wrapped key', checks: ['aes-kw.wycheproof.256.valid'] },
  'gcm-without-aad': { sentence: 'GCM ignores what is authenticated only', checks: ['aes-gcm.wycheproof.256.valid'] },
  'gcm-any-tag': { sentence: 'GCM takes any tag', checks: ['aes-gcm.wycheproof.256.invalid.modified-tag'] },
  'padding-oracle': {
    sentence: 'errors tell of the padding',
    checks: ['attack.oracle.cbc-pad', 'attack.oracle.pkcs1.decrypt'],
  },
  'operation-lingers': { sentence: 'an operation outlives its error', checks: ['state.after.decrypt.gcm-tag'] },
  'operation-twice': { sentence: 'an operation begins in another', checks: ['state.encrypt.active'] },
  'any-usage': { sentence: 'keys do what they may not', checks: ['attribute.use.encrypt'] },
  'encrypt-wrong': { sentence: 'a bit is wrong', checks: ['aes-ecb.nist.128'] },
  'encrypt-nothing': {
    sentence: 'all is well and nothing came',
    checks: ['mechanism.aes-gcm.encrypt'],
  },
  'encrypt-past-end': {
    sentence: 'a byte is written behind the room',
    checks: ['room.aes-ecb.encrypt.guard', 'aes-ecb.nist.128'],
  },
  'crash-in-threads': {
    sentence: 'two threads bring it down',
    checks: ['threads.encrypt.one-key'],
    verdict: 'crashed',
  },
  'digest-loses-byte': { sentence: 'a part loses a byte', checks: ['multipart.sha256.digest.odd'] },
  'sign-loses-byte': { sentence: 'a signed part loses a byte', checks: ['multipart.sha256-hmac.sign.odd'] },
  'sign-hangs': { sentence: 'a signature takes for ever', checks: ['state.sign.length'], verdict: 'hung' },
  'hmac-halved': { sentence: 'a MAC is half as long', checks: ['hmac.wycheproof.sha256.key.valid'] },
  'ecdsa-in-der': { sentence: 'a signature is in DER', checks: ['mechanism.ecdsa.sign'] },
  'verify-anything': {
    sentence: 'every signature is good',
    checks: ['ecdsa.wycheproof.secp256r1.sha256.invalid', 'hmac.wycheproof.sha256.key.invalid.modified-tag'],
  },
  'verify-nothing': { sentence: 'no signature is good', checks: ['ecdsa.wycheproof.secp256r1.sha256.valid'] },
  'random-constant': { sentence: 'random bytes are all the same', checks: ['random.monobit'] },
  'random-again': { sentence: 'random bytes come again', checks: ['random.distinct'] },
  'random-short': { sentence: 'the last random bytes are none', checks: ['random.length.4096'] },
}

const token = plantedToken()
const every = [...new Set(Object.values(BUGS).flatMap(({ checks }) => checks))]

test.serial('no bug: the module is SoftHSM2', async (t) => {
  const found = verdicts(await token.try(every))
  for (const id of every) t.true(found[id] === 'passed' || found[id] === 'inapplicable', id)
})

test('every bug that can be planted is in the table', (t) => t.deepEqual([...plantable()], Object.keys(BUGS)))

for (const [bug, { sentence, checks, verdict = 'failed' }] of Object.entries(BUGS))
  test.serial(`${bug}: ${sentence}`, async (t) => {
    const found = verdicts(await token.try(checks, [bug]))
    for (const id of checks) t.is(found[id], verdict, id)
  })
