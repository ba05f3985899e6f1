/** SoftHSM2 compared with the Rust HSM. */
import { pkcs11 } from '../../src/index.ts'
import { softTokens } from '../helpers/softhsm.ts'
import { differential } from './differential.ts'

const { twin } = softTokens('twin')

differential({
  name: 'SoftHSM2',
  open: async () => (await pkcs11(twin).open()).backend,
})
