/** The act of the partner, who is let in for twenty-four hours and not for a minute more. */
import { PARTNER_READER, roleArn } from './cast.ts'
import { at, partner, type Stage } from './stage.ts'

const CONTEXT = { study: 'arrhythmia-2026' }
const MINUTE = 60_000

export async function partnerForADay(stage: Stage): Promise<void> {
  const { tell, keys, room } = stage
  tell.act('A partner, for twenty-four hours')
  const application = at(stage, 'application')
  const shared = Buffer.from('a list of consenting patients')
  const { CiphertextBlob } = await tell.step('The application encrypts what the study may see.', {
    call: `encrypt({ KeyId: 'alias/clinic-buckets', EncryptionContext: ${JSON.stringify(CONTEXT)} })`,
    act: () => application.encrypt({ KeyId: keys.buckets, Plaintext: shared, EncryptionContext: CONTEXT }),
    shown: ({ CiphertextBlob }) => `${CiphertextBlob!.length} bytes of ciphertext`,
  })
  const read = () =>
    partner(stage).decrypt({ KeyId: keys.buckets, CiphertextBlob: CiphertextBlob!, EncryptionContext: CONTEXT })
  await tell.refusal('The partner cannot read it yet: its own account allows it, the clinic’s key does not.', {
    call: 'decrypt() from the partner’s account',
    code: 'AccessDeniedException',
    act: read,
  })
  await tell.step('The keeper grants it for twenty-four hours, for this study alone.', {
    call: `createGrant({ GranteePrincipal: '${PARTNER_READER}', Operations: ['Decrypt'], Constraints }, { expiresIn: '24h' })`,
    act: () =>
      at(stage, 'keeper').createGrant(
        {
          KeyId: keys.buckets,
          GranteePrincipal: PARTNER_READER,
          RetiringPrincipal: roleArn('keeper'),
          Operations: ['Decrypt'],
          Constraints: { EncryptionContextEquals: CONTEXT },
        },
        { expiresIn: '24h' },
      ),
    shown: ({ GrantId }) => `grant ${GrantId!.slice(0, 12)}…`,
  })
  await tell.step('After 23 hours and 59 minutes the partner reads.', {
    call: 'clock.advance(23 h 59 min), then decrypt()',
    act: async () => {
      await room.clock.advance((24 * 60 - 1) * MINUTE)
      return read()
    },
    shown: ({ Plaintext }) => `“${Buffer.from(Plaintext!).toString()}”`,
    wrong: ({ Plaintext }) => (shared.equals(Plaintext!) ? undefined : 'it read something else'),
  })
  await tell.refusal('After 24 hours and 1 minute it does not.', {
    call: 'clock.advance(2 min), then decrypt()',
    code: 'AccessDeniedException',
    act: async () => {
      await room.clock.advance(2 * MINUTE)
      await read()
    },
  })
}
