/** boto3, unchanged, against a served process: each check of story/ is a test here. */
import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { serve } from '../helpers/served.ts'
import { clientEnvironment, program, scene } from './environment.ts'

interface Verdict {
  readonly name: string
  readonly ok: boolean
  readonly error?: string
}

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

/** Plays the story once; a story that breaks off is seen by what it did not say. */
async function story() {
  const { folder, config } = scene()
  const server = await serve(['--config', config])
  try {
    const script = fileURLToPath(new URL('story/story.py', import.meta.url))
    const { stdout, stderr } = await python(script, clientEnvironment(server.url, folder))
    const lines = stdout.split('\n').filter((line) => line !== '')
    const told = lines.map((line) => JSON.parse(line) as Verdict | { played: number })
    return {
      verdicts: told.filter((line): line is Verdict => 'name' in line),
      played: told.find((line) => 'played' in line)?.played,
      errors: stderr,
    }
  } finally {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

function python(script: string, env: Record<string, string>): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(program('python'), ['-B', script], { env }, (error, stdout, stderr) => {
      resolve({ stdout, stderr: error === null ? stderr : `${error.message}\n${stderr}` })
    })
  })
}
