/** SCRAM-SHA-256 as a client sees it: the password proves itself, and whoever has another one, or none, is told nothing. */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import test from 'ava'
import { fromBase64, toBase64 } from '../../../src/model/json.ts'
import { Proving, verifierOf } from '../../../src/services/rds/scram.ts'

const PASSWORD = 'pencil'
// RFC 7677, section 3.
const CLIENT_FIRST = 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO'

/** A client's last message, and the server's signature that it expects. */
function answerTo(challenge: string, password: string, first = CLIENT_FIRST): { final: string; signature: string } {
  const [, nonce = '', salt = '', iterations = ''] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(challenge) ?? []
  const salted = pbkdf2Sync(password, fromBase64(salt)!, Number(iterations), 32, 'sha256')
  const hmac = (key: Uint8Array, text: string) => createHmac('sha256', key).update(text).digest()
  const clientKey = hmac(salted, 'Client Key')
  const storedKey = createHash('sha256').update(clientKey).digest()
  const unproven = `c=biws,r=${nonce}`
  const said = `${first.slice(3)},${challenge},${unproven}`
  const mask = hmac(storedKey, said)
  const proof = clientKey.map((byte, i) => byte ^ mask[i]!)
  return {
    final: `${unproven},p=${toBase64(proof)}`,
    signature: `v=${toBase64(hmac(hmac(salted, 'Server Key'), said))}`,
  }
}

test('the right password is let in, and the server proves that it knew it', (t) => {
  const proving = new Proving('user', verifierOf(PASSWORD))
  const { final, signature } = answerTo(proving.challenge(CLIENT_FIRST)!, PASSWORD)
  t.is(proving.answer(final), signature)
})

test("RFC 7677's exchange is one of ours", (t) => {
  const salt = 'W22ZaJ0SNY7soEsUEjb6gQ=='
  const salted = pbkdf2Sync(PASSWORD, fromBase64(salt)!, 4096, 32, 'sha256')
  const hmac = (key: Uint8Array, text: string) => createHmac('sha256', key).update(text).digest()
  const stored = createHash('sha256').update(hmac(salted, 'Client Key')).digest()
  const server = hmac(salted, 'Server Key')
  const proving = new Proving('user', `SCRAM-SHA-256$4096:${salt}$${toBase64(stored)}:${toBase64(server)}`)
  const challenge = proving.challenge(CLIENT_FIRST)!
  t.regex(challenge, /^r=rOprNGfwEbeRWgbNEkqO[0-9a-f]{36},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096$/)
  t.is(proving.answer(answerTo(challenge, PASSWORD).final), answerTo(challenge, PASSWORD).signature)
})

const refused = test.macro({
  title: (_, why: string) => `refused: ${why}`,
  exec(t, _why: string, verifier: string | undefined, spoil: (final: string, challenge: string) => string) {
    const proving = new Proving('user', verifier)
    const challenge = proving.challenge(CLIENT_FIRST)!
    t.regex(challenge, /,s=[^,]+,i=4096$/)
    t.is(proving.answer(spoil(answerTo(challenge, PASSWORD).final, challenge)), undefined)
  },
})

const KNOWN = verifierOf(PASSWORD)
test(refused, 'another password', KNOWN, (_, challenge) => answerTo(challenge, 'pencil2').final)
test(refused, 'a user there is not', undefined, (final) => final)
test(refused, 'a user without a password', '', (final) => final)
test(refused, "somebody else's nonce", KNOWN, (final) => final.replace('r=r', 'r=s'))
test(refused, 'a proof cut short', KNOWN, (final) => final.slice(0, -8))
test(refused, 'no proof', KNOWN, (final) => final.replace(/,p=.*/, ''))

test('of a user there is not one hears the same salt each time, as of one there is, and another than of others', (t) => {
  const saltOf = (user: string) => /,s=([^,]+),/.exec(new Proving(user, undefined).challenge(CLIENT_FIRST)!)?.[1]
  t.is(saltOf('nobody'), saltOf('nobody'))
  t.not(saltOf('nobody'), saltOf('nemo'))
})

test('a client that binds to a channel, or speaks for another, is not understood', (t) => {
  for (const first of ['p=tls-unique,,n=a,r=b', 'n,a=other,n=a,r=b', 'n,,n=a', '']) {
    t.is(new Proving('user', KNOWN).challenge(first), undefined)
  }
})

test('no answer is right before there was a challenge', (t) => {
  t.is(new Proving('user', KNOWN).answer(`c=biws,r=,p=${toBase64(Buffer.alloc(32))}`), undefined)
})
