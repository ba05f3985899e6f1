/** A full disk: a typed refusal for what would write, all else as ever, and no help needed once there is room again. */
import test from 'ava'
import { rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KMS, KMSServiceException } from '@aws-sdk/client-kms'
import { served } from './helpers/served.ts'

const MOUNT = 'mount -t tmpfs -o size=16m,mode=700 none "$0" && exec "$@"'
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
const Description = 'x'.repeat(4000)

test('with the disk full, writes are refused and reads answered; with room again, writes go on', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'strongroom-disk-'))
  t.teardown(() => rm(data, { recursive: true, force: true }))
  // A disk of 16 MiB, which only the server sees; it goes when the server does.
  const server = await served(t, [], { data, through: ['unshare', '--mount', 'sh', '-c', MOUNT, data] })
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
    t.is(refusal.message, 'the store has no room left; nothing was changed')
    for (const act of [kms.disableKey({ KeyId }), kms.createAlias({ AliasName: 'alias/a', TargetKeyId: KeyId })]) {
      const again = await t.throwsAsync(act, { instanceOf: KMSServiceException })
      t.is(again.name, 'KMSInternalException')
    }
    t.is((await kms.describeKey({ KeyId })).KeyMetadata!.KeyState, 'Enabled')
    t.deepEqual(Buffer.from((await kms.decrypt({ CiphertextBlob })).Plaintext!), Plaintext)
    rmSync(ballast)
    await create()
  }

  const listed = new Set<string>()
  let Marker: string | undefined
  do {
    const page = await kms.listKeys({ Marker, Limit: 1000 })
    for (const key of page.Keys!) listed.add(key.KeyId!)
    Marker = page.NextMarker
  } while (Marker)
  t.deepEqual([...listed].toSorted(), [...kept].toSorted())
})

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
