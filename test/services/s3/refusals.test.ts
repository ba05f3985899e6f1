/** What becomes of the KMS's refusals. */
import test from 'ava'
import { KmsError, Unreachable } from '../../../src/errors.ts'
import { asked } from '../../../src/services/s3/refusals.ts'

const codes: readonly [string, string][] = [
  ['AccessDeniedException', 'AccessDenied'],
  ['DisabledException', 'KMS.DisabledException'],
  ['NotFoundException', 'KMS.NotFoundException'],
  ['KMSInvalidStateException', 'KMS.KMSInvalidStateException'],
  ['InvalidKeyUsageException', 'KMS.InvalidKeyUsageException'],
  ['ThrottlingException', 'ThrottlingException'],
  ['KMSInternalException', 'InternalError'],
]
for (const [code, expected] of codes) {
  test(`${code} of the KMS is ${expected} of S3, in the same words`, async (t) => {
    const error = await t.throwsAsync(asked(Promise.reject(new KmsError(code, 'because'))), { instanceOf: KmsError })
    t.deepEqual([error.code, error.message], [expected, 'because'])
  })
}

test('who cannot be reached stays so', async (t) => {
  await t.throwsAsync(asked(Promise.reject(new Unreachable('us-east-1'))), { instanceOf: Unreachable })
})
