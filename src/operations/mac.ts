/** GenerateMac, VerifyMac: a message authentication code under an HMAC key. */
import { after, offered } from '../backends/backend.ts'
import { fail } from '../errors.ts'
import { usable } from '../locators.ts'
import { operation } from '../operation.ts'

const key = usable('KeyId', 'GENERATE_VERIFY_MAC', 'MacAlgorithm')

export const generateMac = operation('GenerateMac', {
  on: { key },
  run({ input: { MacAlgorithm, Message }, key, backend }) {
    const mac = offered(backend.mac).generate(key.current!, MacAlgorithm, Message)
    return after(mac, (Mac) => ({ KeyId: key.arn, Mac, MacAlgorithm }))
  },
})

export const verifyMac = operation('VerifyMac', {
  on: { key },
  run({ input: { MacAlgorithm, Message, Mac }, key, backend }) {
    const valid = offered(backend.mac).verify(key.current!, MacAlgorithm, Message, Mac)
    return after(valid, (valid) => {
      if (!valid) fail('KMSInvalidMacException')
      return { KeyId: key.arn, MacValid: true, MacAlgorithm }
    })
  },
})
