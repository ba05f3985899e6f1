/** What the four APIs of a proxy answer, once it is known who asks and that they may. */
import {
  CDIV_ALGORITHM,
  integrityValue,
  XKS_ALGORITHM,
  XksError,
  type FleetMember,
  type XksAnswers,
  type XksApi,
  type XksRequests,
} from './api.ts'
import type { ExternalKeys } from './keys.ts'
import type { ExternalKey } from './permits.ts'

export interface Keyring {
  readonly keys: ExternalKeys
  readonly vendor: string
  readonly model: string
  readonly timeoutMillis: number
}

type Answers = {
  readonly [A in XksApi]: (asked: XksRequests[A], key: ExternalKey) => Promise<XksAnswers[A]>
}

export function answers({ keys, vendor, model, timeoutMillis }: Keyring): Answers {
  const device = deviceOf(keys.identity)
  return {
    async health() {
      const works = await inTime(keys.works(), timeoutMillis).catch(() => false)
      const member: FleetMember = { ...device.member, healthStatus: works ? 'ACTIVE' : 'UNAVAILABLE' }
      return {
        ...{ xksProxyFleetSize: 1, xksProxyVendor: vendor, xksProxyModel: model },
        ...{ ekmVendor: device.vendor, ekmFleetDetails: [member] },
      }
    },
    metadata: async (_, { usage, enabled }) => ({
      ...{ keySpec: 'AES_256', keyUsage: usage },
      keyStatus: enabled ? 'ENABLED' : 'DISABLED',
    }),
    async encrypt(asked, { id }) {
      requireAlgorithm(asked.encryptionAlgorithm, XKS_ALGORITHM)
      const { additionalAuthenticatedData: additional, ciphertextDataIntegrityValueAlgorithm: integrity } = asked
      if (integrity !== undefined) requireAlgorithm(integrity, CDIV_ALGORITHM)
      const sealed = await inTime(keys.seal(id, asked.plaintext, additional), timeoutMillis)
      if (integrity === undefined) return sealed
      // It promises that this opens again, so that is tried before it is promised.
      const opened = await inTime(keys.open(id, sealed, additional), timeoutMillis)
      if (Buffer.compare(opened, asked.plaintext) !== 0)
        throw new Error('what was encrypted decrypts to something else')
      return { ...sealed, ciphertextDataIntegrityValue: integrityValue(additional, sealed) }
    },
    async decrypt(asked, { id }) {
      requireAlgorithm(asked.encryptionAlgorithm, XKS_ALGORITHM)
      return { plaintext: await inTime(keys.open(id, asked, asked.additionalAuthenticatedData), timeoutMillis) }
    },
  }
}

function requireAlgorithm(asked: string, known: string): void {
  if (asked !== known) throw new XksError('UnsupportedOperationException', `only ${known} is done here`)
}

/** The KMS does not wait, and neither do we for keys that never answer. */
async function inTime<T>(answer: Promise<T>, millis: number): Promise<T> {
  const over = AbortSignal.timeout(millis)
  return Promise.race([
    answer,
    new Promise<never>((_, reject) => {
      over.onabort = () => reject(new XksError('DependencyTimeoutException', 'the keys do not answer in time'))
    }),
  ])
}

/** A token as its identity describes it, `pkcs11:model=M;manufacturer=V;serial=N;token=L`; anything else is our own. */
function deviceOf(identity: string): { vendor: string; member: Pick<FleetMember, 'id' | 'model'> } {
  const said = (name: string) => {
    const value = new RegExp(`[:;]${name}=([^;]+)`).exec(identity)?.[1]
    return value === undefined ? undefined : decodeURIComponent(value)
  }
  return {
    vendor: said('manufacturer') ?? 'strongroom',
    member: { id: said('serial') ?? identity, model: said('model') ?? 'strongroom HSM' },
  }
}
