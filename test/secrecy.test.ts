/**
 * A key never leaves in the clear. A server is given a key whose bytes we know, as imported key material, does
 * cryptography with it, and is then turned inside out: its memory, a core dump, a heap snapshot, its store and its logs.
 */
import test from 'ava'
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import {
  CreateKeyCommand,
  DecryptCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GetParametersForImportCommand,
  ImportKeyMaterialCommand,
  KMSClient,
  ReEncryptCommand,
} from '@aws-sdk/client-kms'
import { searchMemory } from './helpers/memory.ts'
import { served } from './helpers/served.ts'
import { node } from './helpers/wrapping.ts'

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
const run = promisify(execFile)

/** What a leak would look like: the bytes themselves, or written out. Derived, so that this process alone holds them whole. */
function needles(secret: Uint8Array): Buffer[] {
  const bytes = Buffer.from(secret)
  return [bytes, Buffer.from(bytes.toString('hex')), Buffer.from(bytes.toString('base64').slice(0, 42))]
}

test('a known key is used, and found nowhere outside the HSM', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-secrecy-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const data = join(folder, 'data')
  const secret = createHash('sha256').update(randomBytes(32)).digest()

  const server = await served(t, [], { data, cwd: folder, env: { NODE_OPTIONS: '--heapsnapshot-signal=SIGUSR2' } })
  const kms = new KMSClient({ region: 'us-east-1', endpoint: server.url, credentials })
  t.teardown(() => kms.destroy())
  const KeyId = await plant(kms, secret)
  // What may be found, and must be, lest the search be blind: a plaintext the server has just answered with.
  const canary = randomBytes(64)
  for (let i = 0; i < 50; i++) {
    const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId, Plaintext: canary }))
    await kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }))
    await kms.send(new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: KeyId }))
    const { Plaintext } = await kms.send(new DecryptCommand({ CiphertextBlob }))
    t.deepEqual(Buffer.from(Plaintext!), canary)
  }

  const memory = searchMemory(server.pid, [...needles(secret), canary])
  t.true(memory.found[3], 'the search finds what is in memory')
  t.deepEqual(memory.found.slice(0, 3), [false, false, false], 'the process’s readable memory')
  t.true(memory.bytes > 20_000_000)

  const core = join(folder, 'core')
  await run('gcore', ['-o', core, String(server.pid)])
  const dumped = await searchFile(`${core}.${server.pid}`, [...needles(secret), canary])
  t.true(dumped[3], 'the search finds what is in a core dump')
  t.deepEqual(dumped.slice(0, 3), [false, false, false], 'a core dump')

  process.kill(server.pid, 'SIGUSR2')
  const snapshot = join(folder, await appears(folder, '.heapsnapshot'))
  const heap = await searchFile(snapshot, [...needles(secret), Buffer.from(KeyId)])
  t.true(heap[3], 'the search finds what is in a heap snapshot')
  t.deepEqual(heap.slice(0, 3), [false, false, false], 'a heap snapshot')

  const stored = (await readdir(data, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  const files = Buffer.concat(await Promise.all(stored.map(({ parentPath, name }) => readFile(join(parentPath, name)))))
  t.true(files.includes(KeyId), 'the search finds what is in the store')
  for (const needle of needles(secret)) t.false(files.includes(needle), 'the store')
  for (const needle of needles(secret)) t.false(server.output().includes(needle.toString('latin1')), 'the logs')
})

/** Brings these very bytes into a new KMS key, as AWS's guide does; the key's id. */
async function plant(kms: KMSClient, secret: Buffer): Promise<string> {
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Origin: 'EXTERNAL' }))
  const { KeyId } = KeyMetadata!
  const way = { WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' } as const
  const { ImportToken, PublicKey } = await kms.send(new GetParametersForImportCommand({ KeyId, ...way }))
  const EncryptedKeyMaterial = node.oaep(PublicKey!, secret, 'sha256')
  const ExpirationModel = 'KEY_MATERIAL_DOES_NOT_EXPIRE'
  await kms.send(new ImportKeyMaterialCommand({ KeyId, ImportToken, EncryptedKeyMaterial, ExpirationModel }))
  return KeyId!
}

async function searchFile(path: string, wanted: readonly Buffer[]): Promise<boolean[]> {
  const found = wanted.map(() => false)
  let tail: Buffer = Buffer.alloc(0)
  for await (const chunk of createReadStream(path, { highWaterMark: 4 << 20 }) as AsyncIterable<Buffer>) {
    const window = Buffer.concat([tail, chunk])
    for (const [i, needle] of wanted.entries()) found[i] ||= window.includes(needle)
    tail = window.subarray(-128)
  }
  return found
}

/** The name of a file that shows up in `folder`, once it is whole. */
async function appears(folder: string, ending: string): Promise<string> {
  for (let size = -1, i = 0; i < 600; i++) {
    await setTimeout(200)
    const name = (await readdir(folder)).find((file) => file.endsWith(ending))
    const now = name === undefined ? 0 : (await readFile(join(folder, name))).length
    if (name !== undefined && now > 0 && now === size) return name
    size = now
  }
  throw new Error(`no file *${ending} appeared`)
}
