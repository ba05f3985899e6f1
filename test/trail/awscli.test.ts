/** `aws cloudtrail validate-logs`, unchanged, over our files: what CloudTrail's own tool makes of them. */
import { execFile } from 'node:child_process'
import { createPublicKey } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { fingerprintOf, publicKeyOf } from '../../src/audit/files/signing.ts'
import { clientEnvironment, program } from '../clients/environment.ts'
import { ACCOUNT, kept, type KeptTrail } from './kept.ts'

/** The bucket and the keys that the tool asks for, of a trail in a folder. */
async function bucketOf(t: ExecutionContext, trail: KeptTrail): Promise<string> {
  const server = createServer((request, response) => {
    void answer(trail, new URL(request.url!, 'http://bucket'), request, response)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function answer(trail: KeptTrail, url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.headers['x-amz-target']?.toString().endsWith('ListPublicKeys')) {
    const pem = (await publicKeyOf(trail.store))!
    const Value = createPublicKey(pem).export({ type: 'pkcs1', format: 'der' }).toString('base64')
    response.end(JSON.stringify({ PublicKeyList: [{ Value, Fingerprint: fingerprintOf(pem) }] }))
  } else if (url.searchParams.has('location')) {
    response.end('<LocationConstraint/>')
  } else if (url.pathname === '/strongroom') {
    const names = (await trail.objects()).filter((name) => name.startsWith(url.searchParams.get('prefix') ?? ''))
    const listed = names.map((name) => `<Contents><Key>${name}</Key></Contents>`)
    response.end(`<ListBucketResult><IsTruncated>false</IsTruncated>${listed.join('')}</ListBucketResult>`)
  } else {
    await object(trail, url.pathname.replace('/strongroom/', ''), response)
  }
}

async function object(trail: KeptTrail, name: string, response: ServerResponse): Promise<void> {
  const missing = () => undefined
  const [bytes, beside] = await Promise.all([trail.read(name).catch(missing), trail.read(`${name}.sig`).catch(missing)])
  if (!bytes) {
    response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>')
    return
  }
  const signature = beside?.toString().split('\n')[0]
  if (signature !== undefined) {
    response.setHeader('x-amz-meta-signature', signature).setHeader('x-amz-meta-signature-algorithm', 'SHA256withRSA')
  }
  response.end(bytes)
}

async function validate(t: ExecutionContext, trail: KeptTrail): Promise<string> {
  const url = await bucketOf(t, trail)
  const trailArn = `arn:aws:cloudtrail:us-east-1:${ACCOUNT}:trail/strongroom`
  const range = ['--start-time', '2026-01-31T00:00:00Z', '--end-time', '2026-01-31T23:00:00Z']
  const args = ['cloudtrail', 'validate-logs', '--trail-arn', trailArn, '--s3-bucket', 'strongroom', ...range]
  const env = { ...clientEnvironment(url, trail.folder), AWS_ENDPOINT_URL: url, AWS_DEFAULT_REGION: 'us-east-1' }
  return new Promise((resolve) => {
    execFile(program('aws'), args, { env }, (_error, out, complaint) => resolve(`${out}${complaint}`))
  })
}

test('finds a trail valid: every digest and every log file', async (t) => {
  const trail = await kept(t)
  await trail.ships(3, 5)
  const said = await validate(t, trail)
  t.regex(said, /3\/3 digest files valid/)
  t.regex(said, /3\/3 log files valid/)
  t.notRegex(said, /INVALID/)
})

test('finds a log file that was changed', async (t) => {
  const trail = await kept(t)
  await trail.ships(3, 5)
  const [, log = ''] = await trail.logs()
  await trail.edit(log, (text) => text.replace('alice', 'alicf'))
  const said = await validate(t, trail)
  t.regex(said, /2\/3 log files valid, 1\/3 log files INVALID/)
  t.true(said.includes(`${log}\tINVALID: hash value doesn't match`))
})

test('finds a digest that was changed', async (t) => {
  const trail = await kept(t)
  await trail.ships(3, 5)
  const [, digest = ''] = await trail.digests()
  await trail.edit(digest, (text) => text.replace('"hashValue":"', '"hashValue":"0'))
  t.true((await validate(t, trail)).includes(`${digest}\tINVALID: signature verification failed`))
})
