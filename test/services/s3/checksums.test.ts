/** The checksums, against the check values that their catalogues give for `123456789`. */
import test from 'ava'
import { combined } from '../../../src/services/s3/combining.ts'
import { CHECKSUMS } from '../../../src/services/s3/checksums.ts'

const CHECK_VALUES = {
  CRC32: 'cbf43926',
  CRC32C: 'e3069283',
  CRC64NVME: 'ae8b14860a799888',
  SHA1: 'f7c3bc1d808e04732adf679965ccc34ca7ae3441',
  SHA256: '15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225',
}

for (const [name, value] of Object.entries(CHECK_VALUES)) {
  test(`${name} of pieces is that of the whole`, (t) => {
    for (const pieces of [['123456789'], ['1', '', '2345', '6789']]) {
      const digest = CHECKSUMS[name]!.start()
      for (const piece of pieces) digest.update(Buffer.from(piece))
      t.is(Buffer.from(digest.digest()).toString('hex'), value)
    }
    t.is(CHECKSUMS[name]!.size, value.length / 2)
  })
}

const digestOf = (name: string, text: string) => {
  const digest = CHECKSUMS[name]!.start()
  digest.update(Buffer.from(text))
  return digest.digest()
}

for (const [name, { crc }] of Object.entries(CHECKSUMS)) {
  if (!crc) continue
  test(`${name} of a whole is combined of its parts’`, (t) => {
    for (const parts of [
      ['123456789'],
      ['1', '23456789'],
      ['1234', '', '5', '6789'],
      [''],
      ['x'.repeat(70_001), 'y'],
    ]) {
      const pieces = parts.map((part) => ({ value: digestOf(name, part), size: part.length }))
      t.deepEqual(
        Buffer.from(combined(crc, pieces)),
        Buffer.from(digestOf(name, parts.join(''))),
        parts.join('|').slice(0, 20),
      )
    }
  })
}

test('these are all', (t) => {
  t.deepEqual(Object.keys(CHECKSUMS), Object.keys(CHECK_VALUES))
})
