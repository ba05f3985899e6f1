/** The contract of the backends, fulfilled by the Rust HSM. */
import { randomBytes } from 'node:crypto'
import { Hsm } from '../../bindings/node/index.js'
import { nativeBackend } from '../../src/backends/native.ts'
import { Roots } from '../../src/roots.ts'
import { contract } from './contract.ts'

contract({
  name: 'native',
  open: () => Promise.resolve(nativeBackend(Hsm.create(randomBytes(32)), { roots: new Roots([]), window: 300_000 })),
})
