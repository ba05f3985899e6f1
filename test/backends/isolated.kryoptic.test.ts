/** The contract of the backends, fulfilled by a token of Kryoptic whose module runs in a process of its own. */
import { pkcs11 } from '../../src/index.ts'
import { kryopticTokens } from '../helpers/kryoptic.ts'
import { contract } from './contract.ts'

const { contract: token } = kryopticTokens('contract')

contract({
  name: 'Kryoptic, isolated',
  async open() {
    return (await pkcs11({ ...token, isolate: true }).open()).backend
  },
  lacks: ['SM2', 'ECC_K256', 'ML_KEM_512', 'ML_KEM_768', 'ML_KEM_1024', 'ED25519_PH_SHA_512', 'EXTERNAL_MU'],
})
