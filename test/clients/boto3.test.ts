/** boto3, unchanged, against a served process: each check of story/ is a test here. */
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { serve } from '../helpers/served.ts'
import { clientEnvironment, scene } from './environment.ts'
import { told } from './told.ts'

const { verdicts, played, errors } = await story()

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

/** Plays the story once. */
async function story() {
  const { folder, config } = scene()
  const server = await serve(['--config', config])
  try {
    const script = fileURLToPath(new URL('story/story.py', import.meta.url))
    return await told(script, clientEnvironment(server.url, folder))
  } finally {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
