/** The contract of the backends, fulfilled by a token of SoftHSM2 whose module runs in a process of its own. */
import { pkcs11 } from '../../src/index.ts'
import { softTokens } from '../helpers/softhsm.ts'
import { contract } from './contract.ts'

const { contract: token } = softTokens('contract')

contract({
  name: 'SoftHSM2, isolated',
  async open() {
    return (await pkcs11({ ...token, isolate: true }).open()).backend
  },
  lacks: [
    ...['SM2', 'ML_DSA_44', 'ML_DSA_65', 'ML_DSA_87', 'ML_KEM_512', 'ML_KEM_768', 'ML_KEM_1024'],
    'ED25519_PH_SHA_512',
  ],
})
