/** What the package exports, and nothing else. */
export { Strongroom, type Principal, type StrongroomOptions } from './strongroom.ts'
export type { Client, Operations } from './client.ts'
export { CIPHERTEXT_OVERHEAD, type KeyHandle } from './handle.ts'
export { createAttester, type AttestationOptions, type Attester } from './testing/attester.ts'
export { KmsError } from './errors.ts'
export type { AccessKeyConfig, AccountConfig } from './identity.ts'
export type { Listener, ListenOptions } from './http/server.ts'
export type * from './model/kms.ts'
