/** The repository read as text: its files, and who imports whom. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Import {
  /** The file that imports, as a path from the root of the repository. */
  readonly from: string
  /** A path from the root for one of ours; a bare specifier (`node:fs`, `yaml`) as it stands for the rest. */
  readonly to: string
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Made by tools, and by nobody's hand. */
const NOT_OURS = new Set([
  '.git',
  'node_modules',
  'target',
  'dist',
  '.venv',
  '.strongroom',
  '__pycache__',
  'corpus',
  'artifacts',
])

export function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

/** The files of the repository whose path matches, in order. */
export function files(pattern: RegExp): string[] {
  return all.filter((path) => pattern.test(path))
}

/** What a TypeScript file imports or re-exports, types included. */
export function imports(from: string): Import[] {
  return [
    ...read(from).matchAll(/^(?:import|export)\b[^'"`;]*?from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm),
  ]
    .map(([, named, bare, dynamic]) => named ?? bare ?? dynamic ?? '')
    .map((to) => ({ from, to: to.startsWith('.') ? posix.join(dirname(from), to) : to }))
}

/** Without comments, for rules about code; strings stay. */
export function code(path: string): string {
  return read(path).replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '')
}

const all = walk('').sort()

function walk(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .filter((entry) => !NOT_OURS.has(entry.name))
    .flatMap((entry) => {
      const path = posix.join(folder, entry.name)
      return entry.isDirectory() ? walk(path) : entry.isFile() ? [path] : []
    })
}
