/** Grants to EC2 at work for an instance, whom AWS writes in a way of its own. */
import test from 'ava'
import { refuses, scene } from '../helpers/scene.ts'

const INSTANCE = 'i-0123456789abcdef0'
const SESSION = `arn:aws:sts::000000000000:assumed-role/aws:ec2-infrastructure/${INSTANCE}`

for (const written of [`000000000000:aws:ec2-infrastructure:${INSTANCE}`, SESSION]) {
  test(`\`${written}\` is the session that EC2 has for the instance`, async (t) => {
    const { room, id: KeyId } = await scene(t)
    const { GrantId } = await room.createGrant({ KeyId, GranteePrincipal: written, Operations: ['Decrypt'] })
    for (const GranteePrincipal of [written, SESSION, undefined]) {
      const { Grants } = await room.listGrants({ KeyId, GranteePrincipal })
      t.deepEqual(
        Grants?.map((grant) => [grant.GrantId, grant.GranteePrincipal]),
        [[GrantId, SESSION]],
      )
    }
  })
}

for (const wrong of [
  `000000000000:aws:ec2-infrastructure`,
  `000000000000:aws:ec2-infrastructure:`,
  `000000000000:aws:ec2-infrastructure:vol-0123456789abcdef0`,
  `000000000000:aws:rds-infrastructure:${INSTANCE}`,
  `0000:aws:ec2-infrastructure:${INSTANCE}`,
  `aws:ec2-infrastructure:${INSTANCE}`,
]) {
  test(`\`${wrong}\` is nobody`, async (t) => {
    const { room, id: KeyId } = await scene(t)
    const asked = room.createGrant({ KeyId, GranteePrincipal: wrong, Operations: ['Decrypt'] })
    await refuses(t, asked, 'InvalidArnException', `ARN does not refer to a valid principal: ${wrong}`)
  })
}
