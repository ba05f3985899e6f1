/** How a check ends other than well: by what it throws. */

/** What a check found: thrown, and never a secret in it. */
export class Finding extends Error {
  /** What should have come, and what came: return values by their names, or sentences. */
  readonly expected: string
  readonly observed: string

  constructor(expected: string, observed: string, message = '') {
    super(message || `expected ${expected}, observed ${observed}`)
    this.name = 'Finding'
    this.expected = expected
    this.observed = observed
  }
}

/** Thrown by a check that cannot be told here, and why. */
export class Inapplicable extends Error {
  override readonly name = 'Inapplicable'
}
