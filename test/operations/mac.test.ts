/** GenerateMac and VerifyMac. */
import test from 'ava'
import { keyring } from '../helpers/keyring.ts'
import { bytes, refuses, scene } from '../helpers/scene.ts'

const { room, key } = await keyring()
test.after.always(() => room.close())

const SIZES = [224, 256, 384, 512] as const
const Message = bytes('who goes there')

for (const size of SIZES) {
  const MacAlgorithm = `HMAC_SHA_${size}` as const

  test(`HMAC_${size} makes MACs of its hash's length, and verifies them and nothing else`, async (t) => {
    const { id: KeyId, arn } = await key(`HMAC_${size}`, 'GENERATE_VERIFY_MAC')
    for (const length of [1, 63, 64, 65, 127, 128, 129, 4096]) {
      const Message = new Uint8Array(length).fill(length)
      const made = await room.generateMac({ KeyId, MacAlgorithm, Message })
      const Mac = made.Mac!
      t.is(Mac.length, size / 8)
      t.deepEqual({ ...made, Mac: undefined }, { KeyId: arn, Mac: undefined, MacAlgorithm })
      t.deepEqual((await room.generateMac({ KeyId, MacAlgorithm, Message })).Mac, Mac)
      const verified = await room.verifyMac({ KeyId, MacAlgorithm, Message, Mac })
      t.deepEqual(verified, { KeyId: arn, MacValid: true, MacAlgorithm })
    }
    const { Mac } = await room.generateMac({ KeyId, MacAlgorithm, Message })
    const bent = Uint8Array.from(Mac!)
    bent[bent.length - 1]! ^= 1
    for (const Mac of [bent, bent.subarray(1), Buffer.of(0), new Uint8Array(6144)]) {
      await refuses(t, room.verifyMac({ KeyId, MacAlgorithm, Message, Mac }), 'KMSInvalidMacException', '')
    }
    const truncated = room.verifyMac({ KeyId, MacAlgorithm, Message, Mac: Mac!.subarray(0, 16) })
    await refuses(t, truncated, 'KMSInvalidMacException', '')
    const other = room.verifyMac({ KeyId, MacAlgorithm, Message: bytes('friend'), Mac: Mac! })
    await refuses(t, other, 'KMSInvalidMacException', '')
  })

  test(`HMAC_${size} has one algorithm`, async (t) => {
    const { id: KeyId } = await key(`HMAC_${size}`, 'GENERATE_VERIFY_MAC')
    for (const other of SIZES) {
      if (other === size) continue
      const about = { KeyId, MacAlgorithm: `HMAC_SHA_${other}`, Message } as const
      const message = `Algorithm HMAC_SHA_${other} is incompatible with key spec HMAC_${size}.`
      await refuses(t, room.generateMac(about), 'InvalidKeyUsageException', message)
      await refuses(t, room.generateMac({ ...about, DryRun: true }), 'InvalidKeyUsageException', message)
      await refuses(t, room.verifyMac({ ...about, Mac: Buffer.of(0) }), 'InvalidKeyUsageException', message)
    }
  })
}

test('keys of other usages make no MACs, and keys in no state to', async (t) => {
  const { room, id: KeyId, arn } = await scene(t)
  const about = { MacAlgorithm: 'HMAC_SHA_256', Message } as const
  const message = `${arn} key usage is ENCRYPT_DECRYPT which is not valid for GenerateMac.`
  await refuses(t, room.generateMac({ ...about, KeyId }), 'InvalidKeyUsageException', message)
  const { KeyMetadata } = await room.createKey({ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' })
  const mac = { ...about, KeyId: KeyMetadata!.KeyId }
  const { Mac } = await room.generateMac(mac)
  await refuses(t, room.generateMac({ ...mac, DryRun: true }), 'DryRunOperationException')
  await refuses(t, room.verifyMac({ ...mac, Mac: Mac!, DryRun: true }), 'DryRunOperationException')
  await refuses(t, room.generateMac({ ...mac, Message: new Uint8Array(0) }), 'ValidationException')
  await refuses(t, room.generateMac({ ...mac, Message: new Uint8Array(4097) }), 'ValidationException')
  await room.disableKey({ KeyId: mac.KeyId })
  await refuses(t, room.generateMac(mac), 'DisabledException')
  await refuses(t, room.verifyMac({ ...mac, Mac: Mac! }), 'DisabledException')
})

test('a MAC is kept from the next by its own bytes', async (t) => {
  const { id: KeyId } = await key('HMAC_256', 'GENERATE_VERIFY_MAC')
  const make = async (n: number) =>
    (await room.generateMac({ KeyId, MacAlgorithm: 'HMAC_SHA_256', Message: Buffer.of(n) })).Mac!
  const macs = await Promise.all(Array.from({ length: 256 }, (_, n) => make(n)))
  t.is(new Set(macs.map((mac) => Buffer.from(mac).toString('hex'))).size, 256)
})
