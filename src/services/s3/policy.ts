/** What a bucket's policy must be before it is kept: IAM's language, about this bucket. */
import { fail, KmsError } from '../../errors.ts'
import { parseDocument, type Document } from '../../policy/document.ts'

const LONGEST = 20 * 1024

/** Throws MalformedPolicy, in S3's words. */
export function requirePolicy(text: string, arn: string): void {
  if (Buffer.byteLength(text) > LONGEST)
    fail('PolicyTooLarge', 'Your policy exceeds the maximum allowed document size.')
  for (const { principal, action, resource } of parsed(text).statements) {
    if (!principal) malformed('Missing required field Principal')
    if (!action) malformed('Missing required field Action')
    if (!resource) malformed('Missing required field Resource')
    if (!action.of.every((name) => name === '*' || /^s3:/i.test(name))) malformed('Policy has invalid action')
    if (!resource.of.every((name) => isOf(arn, name))) malformed('Policy has invalid resource')
  }
}

function parsed(text: string): Document {
  try {
    return parseDocument(text)
  } catch (error) {
    if (!(error instanceof KmsError)) throw error
    return malformed(
      error.message.includes('principal')
        ? 'Invalid principal in policy'
        : "Policies must be valid JSON and the first byte must be '{'",
    )
  }
}

/** The bucket, or something in it. */
function isOf(arn: string, resource: string): boolean {
  return resource === arn || resource === `${arn}*` || resource.startsWith(`${arn}/`)
}

function malformed(message: string): never {
  fail('MalformedPolicy', message)
}
