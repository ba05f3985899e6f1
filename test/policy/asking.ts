/** A request of everyday's to ask policies about, and documents of one statement to ask. */
import type { Values } from '../../src/policy/context.ts'
import { parseDocument, type Document } from '../../src/policy/document.ts'
import { applying, type Wanted } from '../../src/policy/evaluate.ts'
import { askerOf, type Asker } from '../../src/policy/principal.ts'

export const ACCOUNT = '111122223333'
export const KEY = `arn:aws:kms:us-east-1:${ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab`
export const ROOT = `arn:aws:iam::${ACCOUNT}:root`
export const ALICE = `arn:aws:iam::${ACCOUNT}:user/staff/alice`
export const ROLE = `arn:aws:iam::${ACCOUNT}:role/apps/reader`
export const SESSION = `arn:aws:sts::${ACCOUNT}:assumed-role/reader/monday`
export const FEDERATED = `arn:aws:sts::${ACCOUNT}:federated-user/fred`

export const alice: Asker = askerOf(ALICE)!
export const session: Asker = askerOf(SESSION, ROLE)!
export const service: Asker = { type: 'Service', arn: 's3.amazonaws.com', account: ACCOUNT }

export type Elements = Readonly<Record<string, unknown>>
export type Keys = Readonly<Record<string, Values>>

/** Of the later version, with variables; allows everyone everything but for `elements`. */
export function documentOf(elements: Elements, Version = '2012-10-17', parse = parseDocument): Document {
  const statement = { Effect: 'Allow', Principal: '*', Action: '*', Resource: '*', ...elements }
  return parse(JSON.stringify({ Version, Statement: [statement] }))
}

/** Alice's wish to decrypt with the key, told with these condition keys. */
export function wanted(keys: Keys = {}, other: Partial<Wanted> = {}): Wanted {
  return { asker: alice, action: 'kms:Decrypt', resource: KEY, context: (key) => keys[key], ...other }
}

export function applies(document: Document, request: Wanted): boolean {
  return applying(document, request).length > 0
}
