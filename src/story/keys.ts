/** Act one: three keys, each for one kind of thing, which one role may use and another keeps. */
import { HOME, keyPolicy, REFUGE } from './cast.ts'
import { at, elsewhere, STORES, type Stage } from './stage.ts'

export async function threeKeys(stage: Stage): Promise<void> {
  const { tell, keys } = stage
  const keeper = at(stage, 'keeper')
  tell.act('Three keys, and who may use them')
  for (const kind of STORES) {
    keys[kind] = await tell.step(`The keeper makes the key for ${kind}, which will have a twin in another Region.`, {
      call: `createKey({ MultiRegion: true, Description: 'for ${kind}', Policy })`,
      act: async () => {
        const made = await keeper.createKey({ MultiRegion: true, Description: `for ${kind}`, Policy: keyPolicy })
        const arn = made.KeyMetadata!.Arn!
        await keeper.createAlias({ AliasName: `alias/clinic-${kind}`, TargetKeyId: arn })
        await keeper.enableKeyRotation({ KeyId: arn })
        return arn
      },
      shown: (arn) => arn,
    })
  }
  await tell.refusal('The keeper keeps keys, and cannot read with them.', {
    call: "encrypt({ KeyId: 'alias/clinic-databases' })",
    code: 'AccessDeniedException',
    act: () => keeper.encrypt({ KeyId: 'alias/clinic-databases', Plaintext: Buffer.from('a note') }),
  })
  await tell.refusal('Nor can the root of the account, whom the keys do not name.', {
    call: "encrypt() as the account's root",
    code: 'AccessDeniedException',
    act: () => stage.room.encrypt({ KeyId: keys.databases, Plaintext: Buffer.from('a note') }),
  })
  for (const kind of STORES) {
    await tell.step(`The key for ${kind} gets its twin in ${REFUGE}.`, {
      call: `replicateKey({ ReplicaRegion: '${REFUGE}' }) at ${HOME}`,
      act: async () => {
        const { ReplicaKeyMetadata } = await keeper.replicateKey({
          KeyId: keys[kind],
          ReplicaRegion: REFUGE,
          Policy: keyPolicy,
        })
        await at(stage, 'keeper', REFUGE).createAlias({
          AliasName: `alias/clinic-${kind}`,
          TargetKeyId: ReplicaKeyMetadata!.Arn!,
        })
        return ReplicaKeyMetadata!.Arn!
      },
      shown: (arn) => arn,
      wrong: (arn) => (arn === elsewhere(keys[kind], REFUGE) ? undefined : 'the replica has another id'),
    })
  }
}
