/** The proxy behind TLS, with and without certificates of clients: the certificates are openssl's. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { Agent } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { encryptBody, scene } from './asking.ts'

const folder = mkdtempSync(join(tmpdir(), 'strongroom-xks-tls-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string) => join(folder, name)
const read = (name: string) => readFileSync(at(name))
const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })

const NEW = ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
const KMS = 'cks.kms.us-east-1.amazonaws.com'

function authority(name: string): void {
  openssl(...NEW, '-x509', '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.pem`)
}

function issue(name: string, by: string, subject: string): void {
  openssl(
    ...NEW,
    '-subj',
    `/CN=${subject}`,
    '-addext',
    'subjectAltName=IP:127.0.0.1',
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.csr`,
  )
  const signer = ['-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-CAcreateserial', '-copy_extensions', 'copy']
  openssl('x509', '-req', '-in', `${name}.csr`, ...signer, '-out', `${name}.pem`)
}

authority('ours')
authority('theirs')
issue('server', 'ours', 'proxy.example.com')
issue('kms', 'ours', KMS)
issue('other', 'ours', 'somebody.example.com')
issue('stranger', 'theirs', KMS)

const tls = { cert: at('server.pem'), key: at('server.key') }
const client = (name?: string, options: object = {}) =>
  new Agent({ ca: read('ours.pem'), ...(name && { cert: read(`${name}.pem`), key: read(`${name}.key`) }), ...options })
const hello = encryptBody('hello')

test('HTTPS needs TLS 1.2', async (t) => {
  const { ask } = await scene(t, {}, { tls })
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const agent = client(undefined, { minVersion: version, maxVersion: version })
    t.is((await ask('/keys/one/encrypt', hello, { agent })).status, 200)
  }
  const old = client(undefined, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })
  await t.throwsAsync(ask('/keys/one/encrypt', hello, { agent: old }))
})

test('mutual TLS takes certificates of its authorities, and no others', async (t) => {
  const { ask, lines } = await scene(t, {}, { tls: { ...tls, clients: at('ours.pem') } })
  t.is((await ask('/keys/one/encrypt', hello, { agent: client('kms') })).status, 200)
  t.is((await ask('/keys/one/encrypt', hello, { agent: client('other') })).status, 200)
  await t.throwsAsync(ask('/keys/one/encrypt', hello, { agent: client('stranger') }))
  await t.throwsAsync(ask('/keys/one/encrypt', hello, { agent: client() }))
  t.is(lines.length, 2)
})

test('with a name, the certificate must be of that name', async (t) => {
  const { ask } = await scene(t, { clientName: KMS }, { tls: { ...tls, clients: at('ours.pem') } })
  t.is((await ask('/keys/one/encrypt', hello, { agent: client('kms') })).status, 200)
  const { status, body } = await ask('/keys/one/encrypt', hello, { agent: client('other') })
  t.deepEqual([status, body.errorName], [401, 'AuthenticationFailedException'])
})

test('a name without mutual TLS lets nobody in', async (t) => {
  const { ask } = await scene(t, { clientName: KMS }, { tls })
  t.is((await ask('/keys/one/encrypt', hello, { agent: client('kms') })).status, 401)
})
