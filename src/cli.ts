#!/usr/bin/env node
/** The program `strongroom`: the terminal, its signals and the room itself, handed to the commands. */
import { once } from 'node:events'
import { main } from './cli/main.ts'

const stop = new Promise<void>((resolve) => {
  let asked = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // Once is a wish, twice an order: 128 + the signal's number, as the shell would say it.
      if (asked) process.exit(signal === 'SIGINT' ? 130 : 143)
      asked = true
      resolve()
    })
  }
})

// The room brings the native addon along, which `--help` can do without.
const room = async () => (await import('./strongroom.ts')).Strongroom

process.exitCode = await main(process.argv.slice(2), {
  open: async (options) => (await room()).open(options),
  verify: async (data) => (await room()).verify(data),
  fresh: async (use, backend) => {
    const { COVERED } = await import('./coverage.ts')
    const opened = await (await room()).open({ ...COVERED, backend })
    return use(opened).finally(() => opened.close())
  },
  within: async (options, use) => {
    const opened = await (await room()).open(options)
    return use(opened).finally(() => opened.close())
  },
  perform: async (out) => (await import('./story/perform.ts')).perform(out),
  proxy: async (options) => (await import('./xks/proxy.ts')).xksProxy(options),
  trail: async (data) => (await import('./audit/files/opened.ts')).openTrail(data),
  now: Date.now,
  env: process.env,
  isWatched: process.stderr.isTTY,
  out: (text) => process.stdout.write(text) || once(process.stdout, 'drain'),
  error: (text) => process.stderr.write(text),
  input: () => process.stdin,
  output: () => process.stdout,
  stop,
})
