/** The table of what the trail tells, beside the model. */
import test from 'ava'
import { ROWS } from '../../src/audit/parameters.ts'
import { OPERATIONS } from '../../src/model/kms.ts'

test('every operation of the model has a row', (t) => {
  t.deepEqual([...ROWS.keys()].sort(), Object.keys(OPERATIONS).sort())
})

test('rows name members of the model alone', (t) => {
  const strange = [...ROWS.values()].flatMap((row) => [
    ...row.request.filter((member) => !(member in row.requestShapes)),
    ...row.response.filter((member) => member !== 'KeyId' && !(member in row.responseShapes)),
  ])
  t.deepEqual(strange, [])
})

test('readOnly is true of what reads and of cryptography, as AWS has it', (t) => {
  const reading = /^(Describe|Get|List|Encrypt|Decrypt|ReEncrypt|Generate|Sign|Verify|Derive|Encapsulate|Decapsulate)/
  for (const [name, { readOnly }] of ROWS) t.is(readOnly, reading.test(name), name)
})
