/** Runs the examples of docs/envelope.md against a served room, and compares with what it says they print. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { Strongroom } from '../../src/index.ts'
import { clientEnvironment, program, REGION } from './environment.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const page = readFileSync(join(ROOT, 'docs/envelope.md'), 'utf8')
const EXAMPLE = /^## (.+)\n[^]*?```(\w+)\n([^]*?)```\n\nPrints:\n\n```text\n([^]*?)```/gm
const examples = [...page.matchAll(EXAMPLE)]

/** How a block of each language is run; modules are found from the repository, files are left in a folder of their own. */
const RUNNERS: Record<string, (code: string, folder: string) => [string, string[], string]> = {
  js: (code) => [process.execPath, ['--input-type=module', '--eval', code], ROOT],
  python: (code, folder) => [program('python'), ['-B', '-c', code], folder],
  sh: (code, folder) => ['sh', ['-ec', code.replaceAll('npx strongroom', `"${process.execPath}" "$CLI"`)], folder],
}

const room = await Strongroom.open({ memory: true, region: REGION })
const server = await room.listen({ port: 0 })
const folder = await mkdtemp(join(tmpdir(), 'strongroom-envelope-'))
const env = {
  ...clientEnvironment(server.url, folder),
  AWS_REGION: REGION,
  CLI: join(ROOT, 'dist/cli.js'),
  KEY: (await room.createKey({})).KeyMetadata!.Arn!,
}

test.after.always(async () => {
  await server.close()
  await room.close()
  await rm(folder, { recursive: true })
})

for (const [, title = '', language = '', code = '', printed = ''] of examples) {
  test(`${title}: prints ${printed.trim().replaceAll('\n', ', ')}`, async (t) => {
    const [command, args, cwd] = RUNNERS[language]!(code, folder)
    const { stdout, problem } = await new Promise<{ stdout: string; problem: string }>((resolve) => {
      execFile(command, args, { cwd, env }, (error, stdout) => resolve({ stdout, problem: error?.message ?? '' }))
    })
    t.is(problem, '')
    t.is(stdout, printed)
  })
}

test('every section of the page is an example that was run', (t) => {
  t.is(examples.length, page.match(/^## /gm)!.length)
})
