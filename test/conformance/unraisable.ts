/** Errors that the model lists for an operation and that no request can bring about here, with the reason. */
import { OPERATIONS, type ErrorName, type OperationName } from '../../src/model/kms.ts'

interface Row {
  readonly error: ErrorName
  /** Absent: every operation that lists the error. */
  readonly operations?: readonly OperationName[]
  readonly why: string
}

const ROWS: readonly Row[] = [
  { error: 'KMSInternalException', why: 'a fault of our own: no request is meant to find one' },
  { error: 'DependencyTimeoutException', why: 'nothing is waited for yet; comes with HSMs over a network' },
  { error: 'KeyUnavailableException', why: 'the HSM in this process is always there; comes with HSMs over a network' },
]

/** The cells of the matrix that these rows leave out, with the row each comes from. */
export function excused(): Map<string, string> {
  return new Map(
    ROWS.flatMap(({ error, operations, why }) =>
      (operations ?? (Object.keys(OPERATIONS) as OperationName[]))
        .filter((name) => operations !== undefined || (OPERATIONS[name].errors as readonly string[]).includes(error))
        .map((name) => [`${name}: ${error}`, why] as const),
    ),
  )
}
