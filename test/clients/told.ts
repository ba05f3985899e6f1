/** Stories told by Python: a line of JSON for each step, and at last how many there were. */
import { execFile } from 'node:child_process'
import { program } from './environment.ts'

export interface Verdict {
  readonly name: string
  readonly ok: boolean
  readonly error?: string
}

/** Runs a script; one that breaks off is seen by what it did not say. */
export async function told(script: string, env: Record<string, string>) {
  const { stdout, stderr } = await python(script, env)
  const lines = stdout.split('\n').filter((line) => line !== '')
  const said = lines.map((line) => JSON.parse(line) as Verdict | { played: number })
  return {
    verdicts: said.filter((line): line is Verdict => 'name' in line),
    played: said.find((line) => 'played' in line)?.played,
    errors: stderr,
  }
}

function python(script: string, env: Record<string, string>): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(program('python'), ['-B', script], { env }, (error, stdout, stderr) => {
      resolve({ stdout, stderr: error === null ? stderr : `${error.message}\n${stderr}` })
    })
  })
}
