/** Wycheproof through the token: ML-DSA and ML-KEM, which came with PKCS#11 3.2. */
import type { Check } from '../check.ts'
import type { Template } from '../cryptoki/memory.ts'
import { CKK, CKO, CKP, CKR } from '../cryptoki/numbers.ts'
import { hex, lattice, READABLE, SESSION } from '../keys.ts'
import { signContext } from '../parameters.ts'
import { bytesOf, checksOf, type Family, type Group } from '../vectors.ts'

const DSA_SETS = { mldsa_44: CKP.ML_DSA_44, mldsa_65: CKP.ML_DSA_65, mldsa_87: CKP.ML_DSA_87 } as const
const KEM_SETS = { mlkem_512: CKP.ML_KEM_512, mlkem_768: CKP.ML_KEM_768, mlkem_1024: CKP.ML_KEM_1024 } as const

const nameIn = ({ file }: Group): string => file.split('_').slice(0, 2).join('_')
const subject = (group: Group): string => nameIn(group).split('_')[1]!
const dsaSet = (group: Group): number => DSA_SETS[nameIn(group) as keyof typeof DSA_SETS]
const kemSet = (group: Group): number => KEM_SETS[nameIn(group) as keyof typeof KEM_SETS]

const VERIFY: Family = {
  id: 'ml-dsa',
  file: 'ml-dsa',
  clause: 'PKCS#11 3.2, 6.67 ML-DSA',
  needs: ['ML_DSA'],
  subject,
  refusals: ['SIGNATURE_INVALID', 'SIGNATURE_LEN_RANGE', 'MECHANISM_PARAM_INVALID'],
  attempt({ key, work, device }, group, vector) {
    const value = hex(group.publicKey!)
    const handle = key(
      group.publicKey!,
      lattice('PUBLIC_KEY', 'ML_DSA', dsaSet(group), { type: 'VALUE', value }, 'VERIFY'),
    )
    if (handle === undefined) return undefined
    const parameter = vector.ctx === undefined ? undefined : signContext(bytesOf(vector, 'ctx'), false)
    const how = { type: 'ML_DSA', parameter } as const
    const rv = work((session) => device.verify(session, how, handle, bytesOf(vector, 'msg'), bytesOf(vector, 'sig')))
    return { rv, right: rv === CKR.OK }
  },
}

const SIGN: Family = {
  ...VERIFY,
  id: 'ml-dsa-sign',
  file: 'ml-dsa-sign',
  attempt({ key, work, device }, group, vector) {
    const value = hex(group.privateSeed!)
    const handle = key(
      value.toString('hex'),
      lattice('PRIVATE_KEY', 'ML_DSA', dsaSet(group), { type: 'SEED', value }, 'SIGN'),
    )
    if (handle === undefined) return undefined
    const how = { type: 'ML_DSA', parameter: signContext(bytesOf(vector, 'ctx'), true) } as const
    const { rv, bytes } = work((session) => device.sign(session, how, handle, bytesOf(vector, 'msg')))
    return { rv, right: rv === CKR.OK && bytes.equals(bytesOf(vector, 'sig')) }
  },
}

const decapsulates = (id: string, type: 'SEED' | 'VALUE', member: string): Family => ({
  id,
  file: id,
  clause: 'PKCS#11 3.2, 6.68 ML-KEM',
  needs: ['ML_KEM'],
  subject,
  refusals: ['ENCRYPTED_DATA_INVALID', 'ENCRYPTED_DATA_LEN_RANGE', 'WRAPPED_KEY_INVALID', 'WRAPPED_KEY_LEN_RANGE'],
  attempt({ key, work, value, device }, group, vector) {
    const own = bytesOf(vector, member)
    const handle = key(
      vector[member] as string,
      lattice('PRIVATE_KEY', 'ML_KEM', kemSet(group), { type, value: own }, 'DECAPSULATE'),
    )
    if (handle === undefined) return undefined
    return work((session) => {
      const { rv, handle: shared } = device.decapsulate(session, { type: 'ML_KEM' }, handle, bytesOf(vector, 'c'), OUT)
      return { rv, right: rv === CKR.OK && value(session, shared).equals(bytesOf(vector, 'K')) }
    })
  },
})

const OUT: Template = [
  { type: 'CLASS', value: CKO.SECRET_KEY },
  { type: 'KEY_TYPE', value: CKK.GENERIC_SECRET },
  ...SESSION,
  ...READABLE,
  { type: 'VALUE_LEN', value: 32 },
]

export const LATTICE_VECTORS: readonly Check[] = [
  VERIFY,
  SIGN,
  decapsulates('ml-kem', 'SEED', 'seed'),
  decapsulates('ml-kem-expanded', 'VALUE', 'dk'),
].flatMap(checksOf)
