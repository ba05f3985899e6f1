/** Which texts are identifiers of a key, and what is said of those that are not. */
import test from 'ava'
import { parseIdentifier } from '../src/arn.ts'
import { KmsError } from '../src/errors.ts'

const UUID = '1234abcd-12ab-34cd-56ef-1234567890ab'
const MRK = 'mrk-1234abcd12ab34cd56ef1234567890ab'

const names = test.macro({
  title: (_, text) => `${text} is an identifier`,
  exec: (t, text: string, expected: object) => t.like(parseIdentifier(text), expected),
})
const refuses = test.macro({
  title: (_, text, code) => `${text} is refused: ${code}`,
  exec(t, text: string, code: string, message: string) {
    const error = t.throws(() => parseIdentifier(text), { instanceOf: KmsError })
    t.is(error.code, code)
    t.is(error.message, message)
  },
})
const place = { region: 'eu-west-3', account: '111122223333' }

test(names, UUID, { kind: 'key', id: UUID })
test(names, MRK, { kind: 'key', id: MRK })
test(names, 'alias/orders/2026', { kind: 'alias', name: 'alias/orders/2026' })
test(names, `arn:aws:kms:eu-west-3:111122223333:key/${UUID}`, { kind: 'key', id: UUID, ...place })
test(names, `arn:aws:kms:eu-west-3:111122223333:key/${MRK}`, { kind: 'key', id: MRK, ...place })
test(names, 'arn:aws:kms:eu-west-3:111122223333:alias/a/b', { kind: 'alias', name: 'alias/a/b', ...place })
test(refuses, 'orders', 'NotFoundException', "Invalid keyId 'orders'")
test(refuses, UUID.replaceAll('-', ''), 'NotFoundException', `Invalid keyId '${UUID.replaceAll('-', '')}'`)
test(refuses, UUID.toUpperCase(), 'NotFoundException', `Invalid keyId '${UUID.toUpperCase()}'`)
test(refuses, 'mrk-1234', 'NotFoundException', "Invalid keyId 'mrk-1234'")
test(refuses, 'arn:aws:s3:::bucket', 'InvalidArnException', 'Invalid arn arn:aws:s3:::bucket')
test(
  refuses,
  `arn:aws-cn:kms:eu-west-3:111122223333:key/${UUID}`,
  'InvalidArnException',
  `Invalid arn arn:aws-cn:kms:eu-west-3:111122223333:key/${UUID}`,
)
test(refuses, 'arn:aws:kms:eu-west-3:111122223333:key/nonsense', 'NotFoundException', "Invalid keyId 'nonsense'")
