/** Whom a principal element names, and by what. */
import test from 'ava'
import type { Document } from '../../src/policy/document.ts'
import { applying } from '../../src/policy/evaluate.ts'
import { askerOf, naming, type Asker, type Naming } from '../../src/policy/principal.ts'
import {
  ACCOUNT,
  ALICE,
  alice,
  documentOf,
  FEDERATED,
  ROLE,
  ROOT,
  service,
  SESSION,
  session,
  wanted,
} from './asking.ts'

const OTHER = '444455556666'
const root = askerOf(ROOT)!
const federated = askerOf(FEDERATED)!

const named = (document: Document, asker: Asker) => applying(document, wanted({}, { asker }))[0]?.naming

const names = test.macro<[unknown, Asker, Naming | undefined]>({
  title: (_, principal: unknown, asker: Asker, by: Naming | undefined) =>
    `${JSON.stringify(principal)} names ${asker.arn} ${by ? `as ${by}` : 'not'}`,
  exec: (t, principal: unknown, asker: Asker, by: Naming | undefined) =>
    t.is(named(documentOf({ Principal: principal }), asker), by),
})

test(names, { AWS: ALICE }, alice, 'user')
test(names, { AWS: ALICE.replace('alice', 'Alice') }, alice, undefined)
test(names, { AWS: ALICE.replace('staff/', '') }, alice, undefined)
test(names, { AWS: ALICE.replace(ACCOUNT, OTHER) }, alice, undefined)
test(names, { AWS: SESSION }, session, 'session')
test(names, { AWS: SESSION.replace('monday', 'tuesday') }, session, undefined)
test(names, { AWS: ROLE }, session, 'role')
test(names, { AWS: ROLE.replace('apps/', '') }, session, undefined)
test(names, { AWS: [ROLE, SESSION] }, session, 'session')
test(names, { AWS: ROLE }, askerOf(SESSION)!, undefined)
test(names, { AWS: ROLE }, alice, undefined)
test(names, { AWS: FEDERATED }, federated, 'session')
test(names, { AWS: FEDERATED.replace('fred', 'freda') }, federated, undefined)

test(names, { AWS: ROOT }, root, 'account')
test(names, { AWS: ROOT }, alice, 'account')
test(names, { AWS: ROOT }, session, 'account')
test(names, { AWS: ROOT }, federated, 'account')
test(names, { AWS: ROOT }, service, undefined)
test(names, { AWS: ACCOUNT }, alice, 'account')
test(names, { AWS: OTHER }, alice, undefined)
test(names, { AWS: [OTHER, ALICE, ACCOUNT] }, alice, 'user')
test(names, { AWS: ['*', ALICE] }, alice, 'user')
test(names, { AWS: ['*', ROOT] }, alice, 'everyone')
test(names, { AWS: `arn:aws:iam::${OTHER}:role/${ACCOUNT}` }, alice, undefined)

test(names, '*', alice, 'everyone')
test(names, { AWS: '*' }, service, 'everyone')
test(names, { Service: 's3.amazonaws.com' }, service, 'service')
test(names, { Service: 'ec2.amazonaws.com' }, service, undefined)
test(names, { Service: 's3.amazonaws.com' }, alice, undefined)
test(names, { AWS: ALICE, Service: 's3.amazonaws.com' }, service, 'service')
test(names, { Federated: 'cognito-identity.amazonaws.com' }, federated, undefined)

const spares = test.macro<['Allow' | 'Deny', unknown, Asker, boolean]>({
  title: (_, effect: string, principal: unknown, asker: Asker, spared: boolean) =>
    `${effect} with NotPrincipal ${JSON.stringify(principal)} ${spared ? 'spares' : 'is about'} ${asker.arn}`,
  exec(t, Effect: 'Allow' | 'Deny', NotPrincipal: unknown, asker: Asker, spared: boolean) {
    const document = documentOf({ Effect, Principal: undefined, NotPrincipal })
    t.is(named(document, asker), spared ? undefined : 'everyone')
  },
})

test(spares, 'Deny', { AWS: [ALICE, ROOT] }, alice, true)
test(spares, 'Deny', { AWS: [ALICE, ACCOUNT] }, alice, true)
test(spares, 'Deny', { AWS: ALICE }, alice, false)
test(spares, 'Deny', { AWS: ROOT }, alice, false)
test(spares, 'Deny', { AWS: [SESSION, ROLE, ROOT] }, session, true)
test(spares, 'Deny', { AWS: [SESSION, ROLE] }, session, false)
test(spares, 'Deny', { AWS: [SESSION, ROOT] }, session, false)
test(spares, 'Deny', { AWS: [ROLE, ROOT] }, session, false)
test(spares, 'Deny', { AWS: [FEDERATED, ROOT] }, federated, true)
test(spares, 'Deny', { AWS: FEDERATED }, federated, false)
test(spares, 'Deny', { AWS: ROOT }, root, true)
test(spares, 'Deny', { AWS: OTHER }, root, false)
test(spares, 'Deny', { Service: 's3.amazonaws.com' }, service, true)
test(spares, 'Deny', { Service: 's3.amazonaws.com' }, alice, false)
test(spares, 'Deny', { AWS: '*' }, session, true)
test(spares, 'Allow', { AWS: ALICE }, alice, true)
test(spares, 'Allow', { AWS: ROOT }, alice, true)
test(spares, 'Allow', { AWS: ROLE }, session, true)
test(spares, 'Allow', { AWS: [ALICE, OTHER] }, session, false)

test('who asks is told from an ARN', (t) => {
  t.is(root.type, 'Root')
  t.is(alice.type, 'User')
  t.deepEqual(session, { type: 'AssumedRole', arn: SESSION, account: ACCOUNT, roleArn: ROLE })
  t.is(federated.type, 'FederatedUser')
  t.is(askerOf(ROLE), undefined, 'nobody is a role but in a session')
  t.is(askerOf(`arn:aws:iam::${ACCOUNT}:role/a:user/b`), undefined)
  t.is(askerOf(KEYLIKE), undefined)
})

const KEYLIKE = `arn:aws:kms:us-east-1:${ACCOUNT}:root`

test('look-alikes are somebody else', (t) => {
  const principals = { AWS: [ALICE], Service: ['s3.amazonaws.com'], Federated: [] }
  t.is(naming(principals, alice), 'user')
  t.is(naming(principals, { ...alice, arn: ALICE.replace('alice', '\u0430lice') }), undefined)
  t.is(naming(principals, { ...service, arn: '\u017f3.amazonaws.com' }), undefined)
})
