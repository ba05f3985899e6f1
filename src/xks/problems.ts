/**
 * What can be the matter with an external key store proxy, a row each: what AWS says of it, in fixed words, and which exception
 * that is, by what was asked. The proxy's own words go no further (facts: errors, XKS-originated messages).
 */
import { KmsError } from '../errors.ts'
import type { ConnectionErrorCodeType } from '../model/kms.ts'
import type { XksErrorName } from './api.ts'

interface Row {
  readonly message: string
  /** What CreateCustomKeyStore and UpdateCustomKeyStore answer. */
  readonly store: string
  /** What CreateKey answers. */
  readonly key: string
  /** How ConnectCustomKeyStore fails. */
  readonly connection: ConnectionErrorCodeType
}

const [RESPONSE, CONFIGURATION] = ['XksProxyInvalidResponseException', 'XksProxyInvalidConfigurationException'] as const
const STATE = 'CustomKeyStoreInvalidStateException'
const UNREACHABLE = 'XksProxyUriUnreachableException'
const KEY = 'XksKeyInvalidConfigurationException'

const unreadable: Row = {
  message:
    'AWS KMS cannot interpret the response from the external key store proxy. If you see this error repeatedly, report it to your external key store proxy administrator.',
  store: RESPONSE,
  key: STATE,
  connection: 'XKS_PROXY_INVALID_RESPONSE',
}

/** By the names the proxy API has for errors, and ours for those it has no chance to tell. */
const PROBLEMS = {
  ValidationException: unreadable,
  Malformed: unreadable,
  InvalidStateException: {
    message:
      'The external key associated with this KMS key in an external key store is not enabled in the external key manager. Enable the external key in the external key manager and retry the request.',
    store: RESPONSE,
    key: KEY,
    connection: 'XKS_PROXY_INVALID_RESPONSE',
  },
  InvalidCiphertextException: {
    message:
      'The external key store proxy rejected the request because the specified ciphertext or encryption context is corrupted, missing, or otherwise invalid.',
    store: RESPONSE,
    key: STATE,
    connection: 'XKS_PROXY_INVALID_RESPONSE',
  },
  /** What it decrypted is nothing of ours, or what it should have decrypted was not. */
  Unusable: {
    message:
      'The ciphertext that the external key store proxy submitted for decryption, or the encryption context, is corrupted, missing, or otherwise invalid.',
    store: RESPONSE,
    key: STATE,
    connection: 'XKS_PROXY_INVALID_RESPONSE',
  },
  InvalidKeyUsageException: {
    message:
      'The external key associated with this KMS key in an external key store does not support the requested operation. Enable the operation on the key in your external key manager, and try the request again.',
    store: RESPONSE,
    key: KEY,
    connection: 'XKS_PROXY_INVALID_RESPONSE',
  },
  AuthenticationFailedException: {
    message:
      'The external key store proxy rejected the request because it could not authenticate AWS KMS. Verify the XKS proxy authentication credentials for your external key store and update if necessary.',
    store: 'XksProxyIncorrectAuthenticationCredentialException',
    key: STATE,
    connection: 'INVALID_CREDENTIALS',
  },
  AccessDeniedException: {
    message:
      'The external key store proxy denied access to the operation. Verify that the user and the external key are both authorized for this operation, and try the request again.',
    store: CONFIGURATION,
    key: 'KMSInvalidStateException',
    connection: 'XKS_PROXY_ACCESS_DENIED',
  },
  KeyNotFoundException: {
    message:
      'The external key associated with this KMS key in an external key store was not found in its external key manager. If the external key ID associated with this KMS key is incorrect, create a new KMS key with the correct external key ID.',
    store: RESPONSE,
    key: 'XksKeyNotFoundException',
    connection: 'XKS_PROXY_INVALID_RESPONSE',
  },
  InvalidUriPathException: {
    message:
      'The external key store proxy rejected the request because of an invalid URI path. Verify the URI path for your external key store and update if necessary.',
    store: CONFIGURATION,
    key: STATE,
    connection: 'XKS_PROXY_INVALID_CONFIGURATION',
  },
  UnsupportedOperationException: {
    message:
      'The external key store proxy rejected the request because it does not support the requested operation. If you see this error repeatedly, report it to your external key store proxy administrator.',
    store: RESPONSE,
    // The specification names an exception that AWS's model does not have; this is the nearest it has.
    key: RESPONSE,
    connection: 'XKS_PROXY_INVALID_RESPONSE',
  },
  DependencyTimeoutException: {
    message:
      'The external key store proxy did not respond to the request in the time allotted. Retry the request. If you see this error repeatedly, report it to your external key store proxy administrator.',
    store: UNREACHABLE,
    key: STATE,
    connection: 'XKS_PROXY_TIMED_OUT',
  },
  ThrottlingException: {
    message:
      'The external key store proxy rejected the request due to a very high request rate. Reduce the frequency of your calls using KMS keys in this external key store.',
    store: UNREACHABLE,
    key: STATE,
    connection: 'XKS_PROXY_NOT_REACHABLE',
  },
  Unreachable: {
    message:
      'AWS KMS cannot communicate with the external key store proxy. This might be a transient network issue. If you see this error repeatedly, verify that your external key store proxy is active and is connected to the network, and that its endpoint URI is correct in your external keystore.',
    store: UNREACHABLE,
    key: STATE,
    connection: 'XKS_PROXY_NOT_REACHABLE',
  },
  Untrusted: {
    message:
      'AWS KMS cannot establish a TLS connection to the external key store proxy. Verify the TLS configuration, including its certificate.',
    store: UNREACHABLE,
    key: STATE,
    connection: 'XKS_PROXY_INVALID_TLS_CONFIGURATION',
  },
  TimedOut: {
    message:
      'AWS KMS rejected the request because the external key store proxy did not respond in time. Retry the request. If you see this error repeatedly, report it to your external key store proxy administrator.',
    store: UNREACHABLE,
    key: STATE,
    connection: 'XKS_PROXY_TIMED_OUT',
  },
  InternalException: {
    message:
      'The external key store proxy rejected the request because it cannot communicate with the external key manager. Verify that the external key store proxy configuration is correct and that the external key manager is available.',
    store: RESPONSE,
    key: STATE,
    connection: 'XKS_PROXY_INVALID_RESPONSE',
  },
} as const satisfies Readonly<
  Record<XksErrorName | 'Malformed' | 'Unusable' | 'Unreachable' | 'Untrusted' | 'TimedOut', Row>
>

export type Problem = keyof typeof PROBLEMS

/** A proxy that did not do what it was asked, and what was the matter. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError'
  readonly problem: Problem

  constructor(problem: Problem, options?: ErrorOptions) {
    super(`the external key store proxy failed: ${problem}`, options)
    this.problem = problem
  }
}

/** What AWS makes of an error of the proxy's; any other error stays as it is. */
export function translated(error: unknown, asked: 'store' | 'key' | 'cryptography'): Error {
  if (!(error instanceof ProxyError)) return error as Error
  const { message, ...codes } = PROBLEMS[error.problem]
  const code = asked === 'cryptography' ? 'KMSInvalidStateException' : codes[asked]
  return new KmsError(code, message, { cause: error })
}

/** How connecting failed. */
export function connectionErrorOf(error: unknown): ConnectionErrorCodeType {
  return error instanceof ProxyError ? PROBLEMS[error.problem].connection : 'INTERNAL_ERROR'
}

/** What is said of a key whose store is not connected. */
export const NOT_CONNECTED =
  'This KMS key is in a custom key store that is not connected to its external key store proxy. Connect the external key store and try the request again.'
