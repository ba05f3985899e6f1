/** Organizations at run time: whom they hold to what, at once and after a restart. */
import test from 'ava'
import { admin } from '../../src/identities/admin.ts'
import type { OrganizationConfig } from '../../src/identity.ts'
import { book, HERE, THERE } from './people.ts'

const policy = (Effect: string, more: object = {}) => ({
  Version: '2012-10-17',
  Statement: [{ Effect, Action: '*', Resource: '*', ...more }],
})

const ORGANIZATION: OrganizationConfig = {
  id: 'o-exampleorgid',
  managementAccount: THERE,
  root: {
    accounts: [{ id: THERE }],
    units: [
      {
        id: 'ou-clinics',
        accounts: [{ id: HERE, serviceControlPolicies: [{ name: 'none', document: policy('Deny') }] }],
        resourceControlPolicies: [{ name: 'own', document: policy('Deny', { Principal: '*' }) }],
      },
    ],
  },
}

test('an organization holds its members to its policies, and not the account that manages it', async (t) => {
  const { identities } = await book(t)
  const { epoch } = identities
  t.deepEqual(identities.root(HERE).policies.serviceControl, [])
  await identities.organize(ORGANIZATION)
  t.true(identities.epoch > epoch, 'whoever is a member is another caller now')
  const { policies, organization } = identities.root(HERE)
  t.deepEqual(
    policies.serviceControl.map((level) => level.map(({ name }) => name)),
    [['FullAWSAccess'], ['FullAWSAccess'], ['none']],
  )
  t.deepEqual(organization, {
    id: 'o-exampleorgid',
    paths: ['o-exampleorgid/r-root/ou-clinics/'],
    managementAccount: THERE,
  })
  t.deepEqual(
    identities.resourceControl(HERE).map(({ name }) => name),
    ['own'],
  )
  t.deepEqual(identities.root(THERE).policies.serviceControl, [])
  t.deepEqual(identities.resourceControl(THERE), [])
})

test('it is there after a restart, unless it was given up', async (t) => {
  const { identities, reopen } = await book(t)
  await identities.organize(ORGANIZATION)
  const again = await reopen()
  t.deepEqual(again.organization, ORGANIZATION)
  t.is(again.root(HERE).policies.serviceControl.length, 3)
  await again.organize(undefined)
  t.is((await reopen()).organization, undefined)
})

test('one that nobody can read changes nothing', async (t) => {
  const { identities } = await book(t)
  await identities.organize(ORGANIZATION)
  const { epoch } = identities
  const root = { serviceControlPolicies: [{ name: 'bad', document: '{' }] }
  await t.throwsAsync(identities.organize({ ...ORGANIZATION, root }), { name: 'MalformedPolicyDocumentException' })
  t.deepEqual([identities.organization, identities.epoch], [ORGANIZATION, epoch])
})

test('the admin route puts one, shows it, and takes it away by its name', async (t) => {
  const { identities } = await book(t)
  const act = async (method: string, body: object = {}) => admin(identities, method, JSON.stringify(body))
  t.is((await act('PUT', { organization: ORGANIZATION })).status, 200)
  t.deepEqual((JSON.parse((await act('GET')).body) as { organization: unknown }).organization, ORGANIZATION)
  t.is((await act('PUT', { organization: { ...ORGANIZATION, id: 'example' } })).status, 400)
  t.is((await act('DELETE', { organization: { id: 'o-anotherorgid' } })).status, 404)
  t.deepEqual(identities.organization, ORGANIZATION)
  t.is((await act('DELETE', { organization: { id: 'o-exampleorgid' } })).status, 200)
  t.is(identities.organization, undefined)
})
