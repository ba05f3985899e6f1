/** Kryoptic compared with the Rust HSM. */
import { pkcs11 } from '../../src/index.ts'
import { kryopticTokens } from '../helpers/kryoptic.ts'
import { differential } from './differential.ts'

const { twin } = kryopticTokens('twin')

differential({
  name: 'Kryoptic',
  open: async () => (await pkcs11(twin).open()).backend,
  lacks: ['ECC_K256'],
})
