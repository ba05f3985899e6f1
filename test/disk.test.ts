/** A full disk: a typed refusal for what would write, all else as ever, and no help needed once there is room again. */
import test, { type ExecutionContext } from 'ava'
import { rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { KMS, KMSServiceException } from '@aws-sdk/client-kms'
import { served } from './helpers/served.ts'

const NO_ROOM = /^the store has no room left; nothing was changed$/
const MOUNT = 'mount -t tmpfs -o size=16m,mode=700 none "$0" && exec "$@"'
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
const Description = 'x'.repeat(4000)

const trails = test.macro({
  title: (_, audit: string) =>
    `with the disk full, what cannot be kept is refused; with room again, all goes on: audit ${audit}`,
  exec: fillsUp,
})

test(trails, 'off')
test(trails, 'batched')

async function fillsUp(t: ExecutionContext, audit: 'off' | 'batched'): Promise<void> {
  const data = await mkdtemp(join(tmpdir(), 'strongroom-disk-'))
  t.teardown(() => rm(data, { recursive: true, force: true }))
  // A disk of 16 MiB, which only the server sees; it goes when the server does.
  const server = await served(t, ['--audit', audit], { data, through: ['unshare', '--mount', 'sh', '-c', MOUNT, data] })
  const inside = join(`/proc/${server.pid}/root`, data)
  const kms = new KMS({ region: 'us-east-1', endpoint: server.url, credentials, maxAttempts: 1 })
  t.teardown(() => kms.destroy())
  const Plaintext = Buffer.from('still here')
  const kept = new Set<string>()
  const create = async () => {
    const { KeyMetadata } = await kms.createKey({ Description })
    kept.add(KeyMetadata!.KeyId!)
    return KeyMetadata!.KeyId!
  }
  const KeyId = await create()
  const { CiphertextBlob } = await kms.encrypt({ KeyId, Plaintext })

  for (let round = 0; round < 2; round++) {
    const ballast = join(inside, 'ballast')
    fill(ballast)
    const refusal = await t.throwsAsync(
      async () => {
        for (let i = 0; i < 5000; i++) await create()
      },
      { instanceOf: KMSServiceException },
    )
    t.is(refusal.name, 'KMSInternalException')
    t.regex(refusal.message, audit === 'off' ? NO_ROOM : /no room left|audit trail cannot be written/)
    for (const act of [kms.disableKey({ KeyId }), kms.createAlias({ AliasName: 'alias/a', TargetKeyId: KeyId })]) {
      const again = await t.throwsAsync(act, { instanceOf: KMSServiceException })
      t.is(again.name, 'KMSInternalException')
    }
    if (audit === 'off') {
      t.is((await kms.describeKey({ KeyId })).KeyMetadata!.KeyState, 'Enabled')
      t.deepEqual(Buffer.from((await kms.decrypt({ CiphertextBlob })).Plaintext!), Plaintext)
    } else {
      // Nothing is done off the record: as soon as that is known to be full, nobody is told anything any more.
      const isServed = () =>
        kms.describeKey({ KeyId }).then(
          () => true,
          () => false,
        )
      for (let i = 0; i < 100 && (await isServed()); i++) await setTimeout(100)
      for (const act of [kms.describeKey({ KeyId }), kms.decrypt({ CiphertextBlob })]) {
        t.is((await t.throwsAsync(act, { instanceOf: KMSServiceException })).name, 'KMSInternalException')
      }
    }
    rmSync(ballast)
    // Who comes first may find the record full still, and has it written.
    for (let i = 0; i < 10 && !(await create().catch(() => undefined)); i++) await setTimeout(100)
    t.is((await kms.describeKey({ KeyId })).KeyMetadata!.KeyState, 'Enabled')
    t.deepEqual(Buffer.from((await kms.decrypt({ CiphertextBlob })).Plaintext!), Plaintext)
  }

  const listed = new Set<string>()
  let Marker: string | undefined
  do {
    const page = await kms.listKeys({ Marker, Limit: 1000 })
    for (const key of page.Keys!) listed.add(key.KeyId!)
    Marker = page.NextMarker
  } while (Marker)
  t.deepEqual([...listed].toSorted(), [...kept].toSorted())
}

/** Leaves no room on the disk that `path` is on. */
function fill(path: string): void {
  for (const size of [1 << 20, 4096]) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(size), { flag: 'a' })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    }
  }
}
