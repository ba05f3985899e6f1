/** Programs of the machine that tests use as strangers do; one that is missing is named, with the package it comes in. */
import { spawn } from 'node:child_process'

/** What apt-get calls them. */
const PACKAGES = {
  nbdinfo: 'libnbd-bin',
  nbdcopy: 'libnbd-bin',
  'qemu-img': 'qemu-utils',
  'qemu-io': 'qemu-utils',
} as const

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end, whatever its exit code is. */
export function attempt(tool: keyof typeof PACKAGES, ...args: readonly string[]): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(tool, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const said = { stdout: '', stderr: '' }
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => (said[stream] += text))
    }
    child.on('error', () => {
      reject(new Error(`${tool} is missing. It comes with ${PACKAGES[tool]}: apt-get install ${PACKAGES[tool]}`))
    })
    child.on('close', (code) => resolve({ ...said, code: code ?? -1 }))
  })
}

/** What a program prints that ends well. */
export async function tool(name: keyof typeof PACKAGES, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await attempt(name, ...args)
  if (code !== 0) throw new Error(`${name} ${args.join(' ')} ended with ${code}: ${stderr}`)
  return stdout
}
