/** The clinic's keys, through boto3 with real role sessions: each step of clinic/ is a test here. */
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { serve } from '../helpers/served.ts'
import { clientEnvironment, scene } from './environment.ts'
import { told } from './told.ts'

const { folder, config } = scene()
const server = await serve(['--config', config])
const script = fileURLToPath(new URL('clinic/clinic.py', import.meta.url))
const { verdicts, played, errors } = await told(script, clientEnvironment(server.url, folder))
await server.stop()
await rm(folder, { recursive: true, force: true })

for (const { name, ok, error } of verdicts) {
  test(name, (t) => {
    t.true(ok, error)
  })
}

test('the story was told to its end', (t) => {
  t.is(errors, '')
  t.true(verdicts.length > 0)
  t.is(played, verdicts.length)
})
