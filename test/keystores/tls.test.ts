/** External key stores over TLS: whom the KMS believes, and as whom it comes. The certificates are openssl's. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { Strongroom, xksProxy, type StrongroomOptions, type XksProxyOptions } from '../../src/index.ts'
import { bytes, refuses } from '../helpers/scene.ts'
import { ACCESS_KEY, connected, folder, make, proxy, SECRET, settled } from '../helpers/stores.ts'

const home = mkdtempSync(join(tmpdir(), 'strongroom-stores-tls-'))
test.after.always(() => rmSync(home, { recursive: true, force: true }))
const at = (name: string) => join(home, name)
const pem = (name: string) => readFileSync(at(name), 'utf8')
const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: home, stdio: 'pipe' })

const NEW = ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
const KMS = 'cks.kms.us-east-1.amazonaws.com'

function issue(name: string, by: string, subject: string): void {
  const request = ['-subj', `/CN=${subject}`, '-addext', `subjectAltName=DNS:${subject}`]
  openssl(...NEW, ...request, '-keyout', `${name}.key`, '-out', `${name}.csr`)
  const signer = ['-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-CAcreateserial', '-copy_extensions', 'copy']
  openssl('x509', '-req', '-in', `${name}.csr`, ...signer, '-days', '1', '-out', `${name}.pem`)
}

for (const name of ['ours', 'theirs'])
  openssl(...NEW, '-x509', '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.pem`)
issue('server', 'ours', 'xks.example.com')
issue('elsewhere', 'ours', 'other.example.com')
issue('stranger', 'theirs', 'xks.example.com')
issue('kms', 'ours', KMS)
issue('somebody', 'ours', 'somebody.example.com')

type Xks = StrongroomOptions['xks']

/** A room, and the proxy it asks, which shows the certificate `shown`. */
async function scene(
  t: ExecutionContext,
  shown: string,
  xks: Xks,
  mutual = false,
  more: Partial<XksProxyOptions> = {},
) {
  const behind = await xksProxy({
    ...{ data: folder(t), credentials: [{ accessKeyId: ACCESS_KEY, secretAccessKey: SECRET }] },
    ...{ keys: [{ id: 'one', create: true }], ...more },
  })
  const tls = { cert: at(`${shown}.pem`), key: at(`${shown}.key`), ...(mutual && { clients: at('ours.pem') }) }
  const { url } = await behind.listen({ tls })
  const endpoints = { 'https://xks.example.com': url }
  const room = await Strongroom.open({ xks: { endpoints, timeoutMillis: 5000, ...xks } })
  t.teardown(async () => {
    await room.close()
    await behind.close()
  })
  return room
}

const own = (name: string): Xks => ({ ca: [pem('ours.pem')], cert: pem(`${name}.pem`), key: pem(`${name}.key`) })
const UNREACHABLE = 'XksProxyUriUnreachableException'
const UNTRUSTED = /cannot establish a TLS connection/

async function works(t: ExecutionContext, room: Strongroom): Promise<void> {
  const CustomKeyStoreId = await connected(room, proxy('a'))
  t.deepEqual(await settled(room, CustomKeyStoreId), ['CONNECTED', undefined])
  const created = await room.createKey({ CustomKeyStoreId, Origin: 'EXTERNAL_KEY_STORE', XksKeyId: 'one' })
  const Plaintext = bytes('attack at dawn')
  const { CiphertextBlob } = await room.encrypt({ KeyId: created.KeyMetadata!.KeyId, Plaintext })
  t.deepEqual((await room.decrypt({ CiphertextBlob: CiphertextBlob! })).Plaintext, Buffer.from(Plaintext))
}

test('a proxy whose certificate leads to an authority of ours is believed', async (t) => {
  await works(t, await scene(t, 'server', { ca: [pem('ours.pem')] }))
})

for (const [what, shown, ca] of [
  ['of another name', 'elsewhere', 'ours'],
  ['of another authority', 'stranger', 'ours'],
  ['that only others trust', 'server', 'theirs'],
] as const) {
  test(`a proxy that shows a certificate ${what} is not told who we are`, async (t) => {
    const lines: string[] = []
    const log = (line: string) => lines.push(line)
    const room = await scene(t, shown, { ca: [pem(`${ca}.pem`)] }, false, { log })
    await refuses(t, make(room, proxy('a')), UNREACHABLE, UNTRUSTED)
    t.deepEqual(lines, [])
  })
}

test('a proxy of an authority that nobody named is not believed', async (t) => {
  const room = await scene(t, 'server', {})
  await refuses(t, make(room, proxy('a')), UNREACHABLE, UNTRUSTED)
})

test('by mutual TLS a proxy knows the KMS', async (t) => {
  await works(t, await scene(t, 'server', own('kms'), true, { clientName: KMS }))
})

test('by mutual TLS a proxy lets nobody else in', async (t) => {
  const unknown = await scene(t, 'server', { ca: [pem('ours.pem')] }, true)
  await refuses(t, make(unknown, proxy('a')), UNREACHABLE)
  const stranger = await scene(t, 'server', own('stranger'), true)
  await refuses(t, make(stranger, proxy('a')), UNREACHABLE)
  const other = await scene(t, 'server', own('somebody'), true, { clientName: KMS })
  await refuses(t, make(other, proxy('a')), 'XksProxyIncorrectAuthenticationCredentialException')
})
