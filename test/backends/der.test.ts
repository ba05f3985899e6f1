/** DER as signatures and public keys need it: one signature has one encoding, and points come in two. */
import test from 'ava'
import {
  derSignature,
  elements,
  integer,
  natural,
  padded,
  parts,
  pointOf,
  rawSignature,
} from '../../src/backends/pkcs11/der.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

const signatures: readonly (readonly [what: string, der: string, raw: string | undefined])[] = [
  ['small numbers', '3006 020101 020102', '00000001 00000002'],
  ['a number with its highest bit', '3007 02020080 020102', '00000080 00000002'],
  ['numbers of full length', '300c 020401020304 020405060708', '01020304 05060708'],
  ['a number of full length with its highest bit', '300d 020500f1020304 020405060708', 'f1020304 05060708'],
  ['a negative number', '3006 020180 020102', undefined],
  ['a number with zeros in front', '3007 02020001 020102', undefined],
  ['a number that is too long', '300d 02050102030405 020405060708', undefined],
  ['one number', '3003 020101', undefined],
  ['three numbers', '3009 020101 020102 020103', undefined],
  ['something behind', '3006 020101 020102 00', undefined],
  ['a length that is longer than it has to be', '308106 020101 020102', undefined],
  ['a length beyond the end', '3007 020101 020102', undefined],
  ['a length without an end', '3080 020101 020102 0000', undefined],
  ['another type', '3006 020101 040102', undefined],
  ['a number without bytes', '3005 0200 020102', undefined],
  ['nothing', '', undefined],
]
for (const [what, der, raw] of signatures) {
  test(`a signature of ${what} is ${raw === undefined ? 'none' : 'read, and written so'}`, (t) => {
    const read = rawSignature(hex(der), 4)
    t.is(read?.toString('hex'), raw === undefined ? undefined : hex(raw).toString('hex'))
    if (read) t.deepEqual(derSignature(read), hex(der))
  })
}

test('a point is taken bare or in an OCTET STRING, and its length tells', (t) => {
  const bare = hex('0403ffff')
  t.deepEqual(pointOf(bare, 4), bare, 'though it would be an OCTET STRING cut short')
  t.deepEqual(pointOf(hex('04020405'), 4), hex('04020405'), 'though it is one of two bytes')
  t.deepEqual(pointOf(hex('04020405'), 2), hex('0405'))
  t.deepEqual(pointOf(Buffer.concat([hex('048185'), Buffer.alloc(133, 4)]), 133), Buffer.alloc(133, 4))
  for (const wrong of ['', '04', '0403ff', '0302ffff', '0402ffff00'])
    t.throws(() => pointOf(hex(wrong), 2), { instanceOf: RangeError })
})

test('numbers are written without a sign, and padded to a length', (t) => {
  t.deepEqual(integer(hex('0000')), hex('020100'))
  t.deepEqual(integer(hex('0080')), hex('02020080'))
  t.deepEqual(natural(elements(hex('02020080'))[0]!), hex('80'))
  t.deepEqual(padded(hex('0102'), 4), hex('00000102'))
  t.throws(() => padded(hex('0102'), 1), { instanceOf: RangeError })
  t.throws(() => parts(hex('020101')), { instanceOf: RangeError })
})
