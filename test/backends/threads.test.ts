/** One token for several threads of a process: the module has one owner there, and whoever closes first ends it for nobody else. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import graphene from 'graphene-pk11'
import test, { type ExecutionContext } from 'ava'
import type { Cryptoki } from '../../src/backends/pkcs11/cryptoki.ts'
import { pkcs11, type Pkcs11Options } from '../../src/index.ts'
import { kryopticTokens } from '../helpers/kryoptic.ts'
import { softTokens } from '../helpers/softhsm.ts'
import { materialOf } from './contract/workbench.ts'

const { shared } = softTokens('shared')
const { modern } = kryopticTokens('modern')
const hello = Buffer.from('attack at dawn')

/** Opens the token, and then does as it is told: so many verbs, or the end. */
const PROGRAM = `
  const { parentPort, workerData } = await import('node:worker_threads')
  const { pkcs11 } = await import(workerData.index)
  const { materialOf } = await import(workerData.workbench)
  const { backend } = await pkcs11(workerData.options).open()
  parentPort.on('message', async ({ verbs, token, blob }) => {
    if (verbs === 0) {
      await backend.close()
      parentPort.postMessage('closed')
      return parentPort.close()
    }
    let right = 0
    const material = materialOf(token)
    for (let i = 0; i < verbs; i++) {
      const own = materialOf((await backend.create('AES_256', 3)).token)
      const sealed = await backend.cipher.seal(own, Buffer.of(i), undefined)
      right += (await backend.cipher.open(own, sealed, undefined))[0] === i ? 1 : 0
      material.header.set(blob.subarray(0, material.header.length))
      right += Buffer.from(await backend.cipher.open(material, blob, undefined)).toString() === workerData.hello ? 1 : 0
    }
    parentPort.postMessage(right)
  })
  parentPort.postMessage('open')
`

async function thread(t: ExecutionContext, options: Pkcs11Options): Promise<Worker> {
  const url = (path: string) => new URL(path, import.meta.url).href
  const workerData = {
    ...{ options, hello: hello.toString() },
    ...{ index: url('../../src/index.ts'), workbench: url('./contract/workbench.ts') },
  }
  const program = new URL(`data:text/javascript,${encodeURIComponent(PROGRAM)}`)
  const worker = new Worker(program, { workerData, execArgv: ['--import', 'ts-blank-space/register'] })
  t.teardown(() => worker.terminate())
  t.deepEqual(await once(worker, 'message'), ['open'])
  return worker
}

for (const [name, options] of [
  ['SoftHSM2', shared],
  ['Kryoptic', modern],
] as const) {
  test.serial(`two threads and the main one use a token of ${name} at once, and one closes first`, async (t) => {
    const { backend } = await pkcs11(options).open()
    const { token } = await backend.create('AES_256', 3)
    const material = materialOf(token)
    const blob = Buffer.from(await backend.cipher.seal(material, hello, undefined))
    const [one, two] = await Promise.all([thread(t, options), thread(t, options)])

    const work = async (worker: Worker): Promise<unknown> => {
      worker.postMessage({ verbs: 30, token, blob })
      return ((await once(worker, 'message')) as unknown[])[0]
    }
    const busy = [work(one), work(two)]
    for (let i = 0; i < 100; i++) {
      t.deepEqual(Buffer.from(await backend.cipher.open(material, blob, undefined)), hello)
      await new Promise(setImmediate)
    }
    t.deepEqual(await Promise.all(busy), [60, 60])

    one.postMessage({ verbs: 0 })
    t.deepEqual(await once(one, 'message'), ['closed'])
    t.is(await work(two), 60)
    t.deepEqual(Buffer.from(await backend.cipher.open(material, blob, undefined)), hello)

    // Who began the module leaves while somebody else is there, who then is the last.
    await backend.close()
    const { lib } = graphene.Module.load(options.module) as unknown as { readonly lib: Cryptoki }
    t.notThrows(() => lib.C_GetInfo())
    t.is(await work(two), 60)
  })
}
