/** The repository as text: what ARCHITECTURE.md promises about it is checked here, line by line. */
import { dirname, posix } from 'node:path'
import test from 'ava'
import { render, type Model } from '../scripts/model.ts'
import { render as renderQuery } from '../scripts/querymodel.ts'
import { OPERATIONS as MODEL } from '../src/model/kms.ts'
import { OPERATIONS as TABLE } from '../src/operations/index.ts'
import { code, files, imports, read } from './helpers/tree.ts'

const SOURCES = files(/^src\/.*\.ts$/)
const DOORSTEPS = ['src/index.ts', 'src/cli.ts']
const GENERATED = new Set([
  'src/model/kms.ts',
  'src/model/iam.ts',
  'src/model/sts.ts',
  'src/conformance/cryptoki/numbers.ts',
  'bindings/node/index.js',
  'bindings/node/index.d.ts',
])
const HAND_WRITTEN = files(/\.(ts|mjs|js|rs|py|sh)$/).filter((path) => !GENERATED.has(path))
const manifest = JSON.parse(read('package.json')) as {
  scripts: Record<string, string>
  dependencies: Record<string, string>
  optionalDependencies: Record<string, string>
}

// Who may know whom -------------------------------------------------------------------------------

/** Of the files that match `who`, none imports what matches `never`, except what matches `but`. */
const knows = test.macro({
  title: (_, sentence: string) => sentence,
  exec(t, _sentence: string, { who, never, but }: { who: RegExp; never: RegExp; but?: RegExp }) {
    const subjects = SOURCES.filter((path) => who.test(path))
    const offences = subjects.flatMap(imports).filter(({ to }) => never.test(to) && !but?.test(to))
    t.deepEqual(offences, [])
  },
})

const OURS = /^(src|bindings)\//

test(knows, 'operations know no door, no decision and no other operation', {
  who: /^src\/operations\/(?!index\.ts)/,
  never: /^src\/(http|policy|operations|index|strongroom|service|authorize|audit|quotas|cli)\b/,
})
test(knows, 'operations know the contracts of store and backend, not who fulfils them', {
  who: /^src\/(operations\/|(operation|locators|find)\.ts)/,
  never: /^bindings\/|^src\/backends\/(?!backend\.ts)|^src\/store\/(sql|sqlite)\.ts/,
})
test(knows, 'a decision knows policies and nothing else', {
  who: /^src\/decision\.ts$/,
  never: OURS,
  but: /^src\/policy\//,
})
test(knows, 'the trail knows the pipeline by what it sees of it', {
  who: /^src\/audit\/(?!files\/)/,
  never: /^src\/(http|service|operation|operations|authorize|strongroom|store\/(cache|sqlite))\b/,
})
test(knows, 'policy imports errors alone', {
  who: /^src\/policy\//,
  never: OURS,
  but: /^src\/(errors\.ts|policy\/)/,
})
test(knows, 'the model imports errors alone', {
  who: /^src\/model\//,
  never: OURS,
  but: /^src\/(errors\.ts|model\/)/,
})
test(knows, 'errors and the clock import nothing', { who: /^src\/(errors|clock)\.ts$/, never: /./ })
test(knows, 'the doors know the service, and nothing behind it', {
  who: /^src\/http\//,
  never: OURS,
  but: /^src\/(http\/|model\/|service\.ts|identity\.ts|context\.ts|origin\.ts|errors\.ts|clock\.ts)/,
})
test(knows, 'nobody imports the command line', { who: /^src\/(?!cli\b)/, never: /^src\/cli\b/ })
test(knows, 'the addon is known to those who assemble, keep and encrypt', {
  who: /^src\/(?!strongroom\.ts|vault\.ts|backends\/native\b|store\/sqlite\.ts|services\/(disk|rds)\b|cli)/,
  never: /^bindings\//,
})
test(knows, 'the package stands on its dependencies and Node', {
  who: /./,
  never: /^(?!src\/|bindings\/|node:)/,
  but: new RegExp(`^(${Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }).join('|')})(/|$)`),
})

test('imports go one way: there is no circle', (t) => {
  const settled = new Set<string>()
  const circles: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) circles.push([...trail.slice(trail.indexOf(path)), path].join(' → '))
    if (settled.has(path) || trail.includes(path)) return
    for (const { to } of imports(path)) if (SOURCES.includes(to)) visit(to, [...trail, path])
    settled.add(path)
  }
  for (const path of SOURCES) visit(path, [])
  t.deepEqual(circles, [])
})

// Who alone knows what ----------------------------------------------------------------------------

/** Of the files that match `where`, only `who` says `words`. */
const alone = test.macro({
  title: (_, sentence: string) => sentence,
  exec(t, _sentence: string, { where = /^src\//, who, words }: { where?: RegExp; who: RegExp; words: RegExp }) {
    const strangers = files(where).filter((path) => /\.(ts|rs)$/.test(path) && !who.test(path))
    t.deepEqual(
      strangers.filter((path) => words.test(code(path))),
      [],
    )
  },
})

const NOBODY = /^$/

test(alone, 'only the JSON walker knows base64 and epoch seconds', {
  who: /^src\/model\/json\.ts$/,
  words: /base64|atob|btoa/,
})
test(alone, 'only the assembly of a room or a proxy, and the program, read the time of the machine', {
  who: /^src\/(strongroom|cli|xks\/proxy)\.ts$/,
  words: /Date\.now|new Date\(\)/,
})
test(alone, 'only the sockets, the trail, whoever watches a process, and the command line have timers', {
  who: /^src\/(http\/server|services\/rds\/session|cli|audit\/trail|faults|backends\/isolated\/(child|supervisor))\b/,
  words: /\bset(Timeout|Interval)\b/,
})
test(alone, 'the simulator knows neither AWS nor JSON', {
  where: /^crates\/hsm\/src\//,
  who: NOBODY,
  words: /\barn\b|\bkms\b|\bjson\b|amazon/i,
})
test(alone, 'the simulator opens no file and asks the environment nothing', {
  where: /^crates\/hsm\/src\//,
  who: NOBODY,
  words: /std::(env|fs|net)\b/,
})
test(alone, 'the simulator reads the clock in its seam alone', {
  where: /^crates\/hsm\/src\//,
  who: /^crates\/hsm\/src\/(time|limiter)\.rs$/,
  words: /\bSystemTime\b|\bInstant\b/,
})

test('unsafe code stands in few files, and each says why it may', (t) => {
  const unsafe = files(/\.rs$/).filter((path) => /\bunsafe\b(?!_)/.test(code(path)))
  for (const path of unsafe) t.regex(read(path), /unsafe_code,\s*reason = "/, path)
  t.log(unsafe.join('\n'))
})

// The table and the model -------------------------------------------------------------------------

test('the generated model is fresh', async (t) => {
  const model = JSON.parse(read('scripts/kms.model.json')) as Model
  t.true((await render(model)) === read('src/model/kms.ts'), 'run: npm run model -- scripts/kms.model.json')
})

for (const service of ['iam', 'sts'] as const) {
  test(`the generated model of ${service} is fresh`, async (t) => {
    t.true((await renderQuery(service)) === read(`src/model/${service}.ts`), 'run: npm run querymodel')
  })
}

test('every operation of the table is one of the model, under its own name', (t) => {
  t.deepEqual(
    [...TABLE].filter(([name, entry]) => !Object.hasOwn(MODEL, name) || entry.name !== name),
    [],
  )
  const missing = Object.keys(MODEL).filter((name) => !TABLE.has(name))
  t.log(`${TABLE.size} operations are built; ${missing.length} of the model are not yet:\n${missing.join(', ')}`)
})

// Nothing dead, nothing strange -------------------------------------------------------------------

test('every source file is reached from the package or the program', (t) => {
  const reached = new Set<string>()
  const visit = (path: string): void => {
    if (reached.has(path) || !SOURCES.includes(path)) return
    reached.add(path)
    for (const { to } of imports(path)) visit(to)
  }
  DOORSTEPS.forEach(visit)
  t.deepEqual(
    SOURCES.filter((path) => !reached.has(path)),
    [],
  )
})

test('every exported value is named by somebody else', (t) => {
  const texts = new Map(files(/^(src|test|bench|scripts)\/.*\.ts$/).map((path) => [path, read(path)]))
  const unused = SOURCES.filter((path) => !DOORSTEPS.includes(path) && !GENERATED.has(path)).flatMap((path) =>
    [...read(path).matchAll(/^export (?:async )?(?:const|function|class) (\w+)/gm)]
      .map(([, name = '']) => name)
      // An operation is named by its group, which index.ts takes whole.
      .filter((name) => !TABLE.has(name.charAt(0).toUpperCase() + name.slice(1)))
      .filter((name) => ![...texts].some(([other, text]) => other !== path && new RegExp(`\\b${name}\\b`).test(text)))
      .map((name) => `${path}: ${name}`),
  )
  t.deepEqual(unused, [])
})

test('a file is at most 400 lines and opens with what it is for', (t) => {
  t.deepEqual(
    HAND_WRITTEN.filter((path) => read(path).split('\n').length > 401),
    [],
    'too long',
  )
  const opening = /^(#!.*\n)?\s*(\/\*\*|\/\/[/!]|"""|#)/
  t.deepEqual(
    HAND_WRITTEN.filter((path) => !opening.test(read(path))),
    [],
    'no opening comment',
  )
})

test('no default exports and no any', (t) => {
  const typescript = HAND_WRITTEN.filter((path) => path.endsWith('.ts'))
  const defaults = /^export default/m
  const anything = /(?::|\bas|<|\||=>)\s*any\s*(?=[;,)>\]=|\n{])/
  t.deepEqual(
    typescript.filter((path) => defaults.test(code(path)) || anything.test(code(path))),
    [],
  )
})

test('no path of a machine and no host of a registry is written anywhere', (t) => {
  const machine = /(?<![\w.}])\/(root|work|home)\/\w|(?<![\w.}])\/tmp\/\w/
  const registry = /registry\.(npmjs|yarnpkg)|pypi\.org|pythonhosted|(static|index)\.crates\.io|proxy\.golang/
  const texts = files(/^(?!test\/(tidy\.test\.ts$|vectors\/))(?!.*\.node$)/)
  t.deepEqual(
    texts.filter((path) => machine.test(read(path)) || registry.test(read(path))),
    [],
  )
})

// The documents -----------------------------------------------------------------------------------

const DOCUMENTS = files(/^[^/]+\.md$|^docs\/.*\.md$/)

test('the documents name commands and flags that exist', (t) => {
  const program = files(/^src\/cli\b.*\.ts$/)
    .map(read)
    .join('\n')
  for (const document of DOCUMENTS) {
    const text = read(document)
    for (const [, script = ''] of text.matchAll(/npm run ([\w:]+)/g)) {
      t.true(script in manifest.scripts, `${document}: npm run ${script}`)
    }
    for (const [line, command = ''] of text.matchAll(/(?:npx |\$ )strongroom ([\w-]+).*|npm start -- .*/g)) {
      t.true(
        command === '' || program.includes(`${command.includes('-') ? `'${command}'` : command}: {`),
        `${document}: ${line}`,
      )
      for (const [flag] of line.matchAll(/--\w[\w-]*/g)) t.true(program.includes(flag.slice(2)), `${document}: ${flag}`)
    }
  }
})

test('the documents point to files that exist', (t) => {
  const known = new Set(files(/./))
  for (const document of DOCUMENTS) {
    for (const [, target = ''] of read(document).matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      t.true(known.has(posix.join(dirname(document), target)), `${document}: ${target}`)
    }
  }
})

test('ARCHITECTURE.md has every module on its map, and none that is gone', (t) => {
  const [, map = ''] = /^src\/\n([\s\S]*?)^test\//m.exec(read('ARCHITECTURE.md')) ?? []
  const named = new Set([...map.matchAll(/[\w-]+\.ts/g)].map(([name]) => name))
  // The groups of operations are named in the table of operations, which is code.
  const modules = SOURCES.filter((path) => !path.startsWith('src/operations/'))
  const names = new Set(SOURCES.map((path) => path.replace(/.*\//, '')))
  t.deepEqual(
    modules.filter((path) => !named.has(path.replace(/.*\//, ''))),
    [],
    'not on the map',
  )
  t.deepEqual(
    [...named].filter((name) => !names.has(name)),
    [],
    'gone',
  )
})

test('the README lists the operations of the table', (t) => {
  const [, list = ''] = /<!-- operations -->\n([\s\S]*?)<!-- end -->/.exec(read('README.md')) ?? []
  t.deepEqual([...list.matchAll(/\w+/g)].map(([name]) => name).sort(), [...TABLE.keys()].sort())
})
