/** Reports for tests of what is made of them: everything well, but for what a test says. */
import type { Report, Result } from '../../src/conformance/report.ts'

export function result(but: Partial<Result> = {}): Result {
  return {
    id: 'session.login.twice',
    title: 'who is logged in cannot log in again',
    clause: 'PKCS#11 3.1, 5.6.8 C_Login',
    severity: 'major',
    profiles: [],
    verdict: 'passed',
    milliseconds: 3,
    trace: [],
    reproduce: 'npx strongroom conformance --module token.so --only session.login.twice',
    ...but,
  }
}

export function failure(but: Partial<Result> = {}): Result {
  return result({
    verdict: 'failed',
    expected: 'CKR_USER_ALREADY_LOGGED_IN',
    observed: 'CKR_OK',
    trace: [
      { call: 'C_OpenSession', args: ['0', '6', 'NULL', 'NULL', '*0 → *1'], rv: 'CKR_OK' },
      { call: 'C_Login', args: ['1', '1', 'the PIN', '6'], rv: undefined },
    ],
    ...but,
  })
}

export function report(results: readonly Result[] = [result()], but: Partial<Report> = {}): Report {
  return {
    schema: 'https://strongroom.dev/schemas/conformance-report-1.json',
    strongroom: '1.2.3',
    started: '2026-11-24T15:22:33.444Z',
    milliseconds: 12_345,
    complete: true,
    writes: false,
    module: {
      path: '/usr/lib/token.so',
      sha256: 'ab'.repeat(32),
      cryptokiVersion: '2.40',
      manufacturer: 'Maker',
      description: 'Library of the maker',
      libraryVersion: '2.6',
    },
    token: {
      label: 'house',
      manufacturer: 'Maker',
      model: 'Model 1',
      serial: '0123456789abcdef',
      hardwareVersion: '1.0',
      firmwareVersion: '3.4',
      flags: ['CKF_RNG', 'CKF_LOGIN_REQUIRED'],
      mechanisms: [{ name: 'CKM_AES_GCM', minKeySize: 16, maxKeySize: 32, flags: ['CKF_ENCRYPT', 'CKF_DECRYPT'] }],
    },
    results,
    capabilities: [],
    throughput: [],
    ...but,
  }
}
