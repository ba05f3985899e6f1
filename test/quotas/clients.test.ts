/** Unchanged clients beyond a quota, and beyond what the HSM does: they are throttled, try again, and get through. */
import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { EncryptCommand, KMSClient, KMSServiceException } from '@aws-sdk/client-kms'
import { Strongroom, type StrongroomOptions } from '../../src/index.ts'
import { clientEnvironment, program, REGION } from '../clients/environment.ts'

const Plaintext = Buffer.from('a secret')

/**
 * A served room with a key in it. Its time stands still, but for what each call that was throttled moves it on: so that a burst
 * is throttled on any machine, and trying again helps. The HSM has a clock of its own.
 */
async function served(t: ExecutionContext, options: StrongroomOptions) {
  let now = Date.now()
  const room = await Strongroom.open({ memory: true, region: REGION, now: () => new Date(now), ...options })
  t.teardown(() => room.close())
  let throttled = 0
  room.audit.addEventListener('event', ({ detail: { errorCode } }) => {
    if (errorCode !== 'ThrottlingException') return
    throttled++
    now += 1000
  })
  const { KeyMetadata } = await room.createKey({})
  const { url } = await room.listen({ port: 0 })
  return { url, KeyId: KeyMetadata!.KeyId, throttled: () => room.audit.settled().then(() => throttled) }
}

const LIMITS: Readonly<Record<string, StrongroomOptions>> = {
  'a quota': { quotas: { quotas: { Symmetric: 5 } } },
  'the rate of the HSM': { deviceRate: 3, deviceBurst: 2 },
  "the rate of the key's slot": { slotRate: 3, slotBurst: 2 },
}

const BURST = 12

for (const [limit, options] of Object.entries(LIMITS)) {
  test(`the SDK for JavaScript without retries: past ${limit} there is a ThrottlingException`, async (t) => {
    const { url, KeyId } = await served(t, options)
    const { refused } = await burst(t, { url, KeyId, maxAttempts: 1 })
    t.true(refused.length > 0)
    for (const error of refused) {
      t.true(error instanceof KMSServiceException)
      t.like(error, { name: 'ThrottlingException', $fault: 'client', $metadata: { httpStatusCode: 400 } })
      t.is(
        (error as Error).message,
        'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
      )
    }
  })

  test(`the SDK for JavaScript that may try again: past ${limit} all get through`, async (t) => {
    const { url, KeyId, throttled } = await served(t, options)
    const { refused } = await burst(t, { url, KeyId, maxAttempts: 20 })
    t.deepEqual(refused, [])
    t.true((await throttled()) > 0)
  })

  test(`boto3 that may try again: past ${limit} all get through`, async (t) => {
    const { url, KeyId, throttled } = await served(t, options)
    const told = await boto3(url, KeyId, 20)
    t.deepEqual(told, { accepted: BURST, refused: [] })
    t.true((await throttled()) > 0)
  })
}

test('boto3 without retries: past a quota there is a ThrottlingException', async (t) => {
  const { url, KeyId } = await served(t, LIMITS['a quota']!)
  const { accepted, refused } = await boto3(url, KeyId, 1)
  t.is(accepted + refused.length, BURST)
  t.deepEqual(new Set(refused), new Set(['ThrottlingException 400']))
})

interface Burst {
  readonly url: string
  readonly KeyId: string
  readonly maxAttempts: number
}

/** Many calls at once; those that failed in the end. */
async function burst(t: ExecutionContext, { url, KeyId, maxAttempts }: Burst): Promise<{ refused: unknown[] }> {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  const kms = new KMSClient({ endpoint: url, region: REGION, credentials, maxAttempts })
  t.teardown(() => kms.destroy())
  const calls = Array.from({ length: BURST }, () => kms.send(new EncryptCommand({ KeyId, Plaintext })))
  const settled = await Promise.allSettled(calls)
  return { refused: settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : [])) }
}

async function boto3(url: string, KeyId: string, attempts: number): Promise<{ accepted: number; refused: string[] }> {
  const script = fileURLToPath(new URL('burst.py', import.meta.url))
  const args = ['-B', script, url, KeyId, String(BURST), String(attempts)]
  const { stdout } = await promisify(execFile)(program('python'), args, { env: clientEnvironment(url, tmpdir()) })
  return JSON.parse(stdout) as { accepted: number; refused: string[] }
}
