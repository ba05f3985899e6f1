/** boto3, unchanged, against a room that loses a Region and fails on cue: each check of boto3/ is a test here. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { Strongroom } from '../../src/index.ts'
import { clientEnvironment } from '../clients/environment.ts'
import { told } from '../clients/told.ts'

const SCRIPTS = ['failover', 'retries']
const stories = await Promise.all(SCRIPTS.map(playedIn))

for (const [i, { verdicts, played, errors }] of stories.entries()) {
  const script = SCRIPTS[i]!
  for (const { name, ok, error } of verdicts) {
    test(`${script}: ${name}`, (t) => {
      t.true(ok, error)
    })
  }

  test(`${script} was told to its end`, (t) => {
    t.is(errors, '')
    t.true(verdicts.length > 0)
    t.is(played, verdicts.length)
  })
}

/** Runs a script of boto3/ with a room of its own to turn. */
async function playedIn(script: string) {
  const data = await mkdtemp(join(tmpdir(), 'strongroom-world-'))
  const room = await Strongroom.open({ data })
  try {
    const { url } = await room.listen()
    return await told(fileURLToPath(new URL(`boto3/${script}.py`, import.meta.url)), {
      ...clientEnvironment(url, data),
      STRONGROOM_DATA: data,
      PYTHONPATH: fileURLToPath(new URL('../clients/story', import.meta.url)),
    })
  } finally {
    await room.close()
    await rm(data, { recursive: true, force: true })
  }
}
