/** Encrypt 1 KiB: what do enforced policies, and the trail, cost? Beside node:crypto's bare AES-256-GCM. */
import { createCipheriv, randomBytes } from 'node:crypto'
import { Strongroom, type Person, type StrongroomOptions } from '../src/index.ts'
import { asyncRung, keep, ladder, rung, type Rung } from './ladder.ts'

const ACCOUNT = '111122223333'
const ALICE = `arn:aws:iam::${ACCOUNT}:user/alice`
const Plaintext = randomBytes(1024)
const EncryptionContext = { tenant: 'clinic-7', purpose: 'patient-record' }
const key = randomBytes(32)

const document = (...Statement: object[]) => ({ Version: '2012-10-17', Statement })
const ALL = { Effect: 'Allow', Action: 'kms:*', Resource: '*' }
const delegating = { ...ALL, Principal: { AWS: ACCOUNT } }
const conditional = {
  ...{ Effect: 'Deny', Principal: '*', Action: 'kms:*', Resource: '*' },
  Condition: { StringNotEquals: { 'kms:EncryptionContext:tenant': 'clinic-7' } },
}
const users = [{ name: 'alice', policies: [{ name: 'all', document: document(ALL) }] }, { name: 'guest' }]

const rooms: Strongroom[] = []

/** A room, a key with this policy in it, and a client for `arn`. */
async function prepare(options: StrongroomOptions, arn: string, policy: object): Promise<[Person, string, Strongroom]> {
  const room = await Strongroom.open({ memory: true, accounts: [{ id: ACCOUNT, users }], ...options })
  rooms.push(room)
  const { KeyMetadata } = await room.createKey({ Policy: JSON.stringify(policy), BypassPolicyLockoutSafetyCheck: true })
  return [room.as({ arn }), KeyMetadata!.Arn!, room]
}

async function encrypting(name: string, options: StrongroomOptions, policy: object, arn = ALICE): Promise<Rung> {
  const [client, KeyId] = await prepare(options, arn, policy)
  return asyncRung(name, () => client.encrypt({ KeyId, Plaintext, EncryptionContext }))
}

async function byGrant(): Promise<Rung> {
  const guest = `arn:aws:iam::${ACCOUNT}:user/guest`
  const [client, KeyId, room] = await prepare({}, guest, document(delegating))
  await room.createGrant({ KeyId, GranteePrincipal: guest, Operations: ['Encrypt'] })
  return asyncRung('a grant, and the trail', () => client.encrypt({ KeyId, Plaintext, EncryptionContext }))
}

const suites = {
  'Encrypt 1024 B': await ladder('Encrypt 1024 B', [
    rung('node:crypto createCipheriv', () => {
      const cipher = createCipheriv('aes-256-gcm', key, randomBytes(12))
      cipher.update(Plaintext)
      cipher.final()
    }),
    await encrypting('the root, no trail', { audit: 'off' }, document(delegating), `arn:aws:iam::${ACCOUNT}:root`),
    await encrypting('a user by an IAM policy, no trail', { audit: 'off' }, document(delegating)),
    await encrypting('a user by an IAM policy, and the trail', {}, document(delegating)),
    await encrypting('a condition on the context, and the trail', {}, document(delegating, conditional)),
    await byGrant(),
  ]),
}

keep('authorize', suites)
for (const room of rooms) await room.close()
