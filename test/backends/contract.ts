/**
 * The contract of src/backends/backend.ts as a suite: what every backend has to do, whoever keeps the keys. What others can
 * check is checked by node:crypto; what a backend lacks it has to refuse as AWS would.
 */
import test from 'ava'
import type { Backend } from '../../src/backends/backend.ts'
import { cipherContract } from './contract/cipher.ts'
import { importContract } from './contract/imports.ts'
import { pairContract } from './contract/pairs.ts'
import { secretContract } from './contract/secrets.ts'
import { signatureContract } from './contract/signatures.ts'
import { Workbench } from './contract/workbench.ts'

/** A backend to be tried. */
export interface Subject {
  readonly name: string
  open(): Promise<Backend>
  /** Specs and algorithms, by the HSM's names of the former and AWS's of the latter, that it refuses. */
  readonly lacks?: readonly string[]
  /** What its frames are longer than those of the HSM. */
  readonly overhead?: number
}

const WHOLE = [cipherContract, secretContract, pairContract, signatureContract, importContract]

/** `parts` are all, but for a backend that is for symmetric encryption and nothing else. */
export function contract(subject: Subject, parts = WHOLE): void {
  const bench = new Workbench(subject.lacks ?? [], subject.overhead)
  test.before('the backend opens', async (t) => {
    bench.backend = await subject.open()
    t.truthy(bench.backend)
  })
  test.after.always('the backend closes', async (t) => {
    await bench.backend.close()
    t.pass()
  })
  for (const part of parts) part(bench)
}
