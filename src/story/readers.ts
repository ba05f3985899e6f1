/** Act three: the application reads, the developer cannot, and the auditor sees who tried. */
import { at, PATIENTS, type Stage } from './stage.ts'
import type { Stored } from './storage.ts'
import { BUCKET, letter, query, SCAN, scanOn } from './things.ts'
import { roleArn } from './cast.ts'

export async function readers(stage: Stage, { volume, database }: Stored): Promise<void> {
  const { tell, keys, room } = stage
  const [patient] = PATIENTS as readonly [(typeof PATIENTS)[0]]
  const [application, developer] = [at(stage, 'application'), at(stage, 'developer')]

  tell.act('The application reads; the developer does not')
  await everythingReads(stage, { volume, database }, 'The application')
  await tell.refusal('The developer may use S3, and is refused by the key.', {
    call: `s3.getObject('${BUCKET}', 'letters/${patient.id}') as the developer`,
    code: /^AccessDenied/,
    act: () => letter(developer, BUCKET, patient.id),
  })
  await tell.refusal('The developer may use EC2, and cannot attach the volume.', {
    call: `ebs.attachVolume('${volume}') as the developer`,
    code: /./,
    act: () => scanOn(developer, volume),
  })
  await tell.refusal('Nor can the developer start a copy of the database.', {
    call: `rds.createDBSnapshot, restoreDBInstanceFromDBSnapshot as the developer`,
    code: /./,
    act: async () => {
      await application.rds.createDBSnapshot({ DBInstanceIdentifier: database, DBSnapshotIdentifier: 'nightly' })
      await developer.rds.restoreDBInstanceFromDBSnapshot({
        DBSnapshotIdentifier: 'nightly',
        DBInstanceIdentifier: 'stolen',
      })
    },
  })

  tell.act('The auditor sees every use')
  await tell.step('Who decrypted under the key for buckets, and who was refused, is all on record.', {
    call: "audit.events({ eventName: 'Decrypt', key: alias/clinic-buckets })",
    act: async () => {
      const seen: string[] = []
      for await (const record of room.audit.events({ key: keys.buckets, eventName: 'Decrypt' })) {
        const { arn = '', invokedBy = 'itself' } = record.userIdentity
        const [, role = arn] = /assumed-role\/([^/]+)/.exec(arn) ?? []
        seen.push(`${role} through ${invokedBy}: ${record.errorCode ?? 'read'}`)
      }
      return seen
    },
    shown: (seen) => [...new Set(seen)].join('; '),
    wrong: (seen) => {
      const wanted = ['application through s3.amazonaws.com: read', 'developer through s3.amazonaws.com: AccessDenied']
      const missing = wanted.find((line) => !seen.some((each) => each.startsWith(line)))
      return missing && `there is no line for “${missing}”`
    },
  })
  await tell.refusal('The auditor can look, and cannot read.', {
    call: 'decrypt() as the auditor',
    code: 'AccessDeniedException',
    act: async () => {
      const { CiphertextBlob } = await application.encrypt({ KeyId: keys.buckets, Plaintext: Buffer.from('a note') })
      return at(stage, 'auditor').decrypt({ KeyId: keys.buckets, CiphertextBlob: CiphertextBlob! })
    },
  })
  await tell.step('What the application may do to a key, statement by statement, can be asked as well.', {
    call: `explain({ principal: application, action: 'kms:Decrypt' })`,
    act: () => room.explain({ principal: roleArn('application'), action: 'kms:Decrypt', key: keys.databases }),
    shown: ({ effect, because }) => `${effect}: ${because.join('; ')}`,
  })
}

/** That letter, scan and table are as they were written. */
export async function everythingReads(stage: Stage, { volume, database }: Stored, who: string): Promise<void> {
  const { tell } = stage
  const application = at(stage, 'application')
  const [patient] = PATIENTS as readonly [(typeof PATIENTS)[0]]
  await tell.step(`${who} reads a letter.`, {
    call: `s3.getObject('${BUCKET}', 'letters/${patient.id}')`,
    act: () => letter(application, BUCKET, patient.id),
    shown: (text) => `“${text}”`,
    wrong: (text) => (text === `${patient.name}: ${patient.finding}` ? undefined : 'it is another letter'),
  })
  await tell.step(`${who} reads the volume.`, {
    call: `ebs.attachVolume('${volume}'), NBD read`,
    act: () => scanOn(application, volume),
    shown: (scan) => `“${scan.toString().split('\n', 1)[0]!}”`,
    wrong: (scan) => (scan.equals(SCAN) ? undefined : 'the sector is another'),
  })
  await tell.step(`${who} queries the database.`, {
    call: 'SELECT name, finding FROM patients ORDER BY id',
    act: () => query(application, 'SELECT name, finding FROM patients ORDER BY id', database),
    shown: (rows) => rows.map(({ name }) => String(name)).join(', '),
    wrong: (rows) =>
      rows.map(({ name, finding }) => `${String(name)}: ${String(finding)}`).join() ===
      PATIENTS.map(({ name, finding }) => `${name}: ${finding}`).join()
        ? undefined
        : 'rows differ',
  })
}
