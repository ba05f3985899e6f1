/** Tells a story step by step: a sentence, what was called and what came back, and whether it was as it should be. */
import type { CloudTrailRecord } from '../audit/cloudtrail.ts'
import type { Audit } from '../audit/events.ts'

/** A step that did not come out as told. */
export class StoryError extends Error {
  override readonly name = 'StoryError'
}

/** One step: what is done, and what has to hold of the answer. */
export interface Step<T> {
  /** What is called, as one would write it. */
  readonly call: string
  act(): Promise<T>
  /** What came back, in a few words. */
  shown?(answer: T): string
  /** What is wrong with it; undefined when nothing is. */
  wrong?(answer: T): string | undefined
}

/** A step that has to be refused, with an error of this code. */
export interface Refusal {
  readonly call: string
  readonly code: string | RegExp
  act(): Promise<unknown>
}

export class Teller {
  readonly #out: (text: string) => unknown
  readonly #audit: Audit
  readonly #seen = new Set<string>()
  #steps = 0

  constructor(out: (text: string) => unknown, audit: Audit) {
    this.#out = out
    this.#audit = audit
  }

  /** How many steps were told, all of which held. */
  get steps(): number {
    return this.#steps
  }

  act(title: string): void {
    this.#out(`\n${title}\n`)
  }

  async step<T>(sentence: string, { call, act, shown, wrong }: Step<T>): Promise<T> {
    let answer: T
    try {
      answer = await act()
    } catch (error) {
      return this.#fail(sentence, call, told(error), error)
    }
    const problem = wrong?.(answer)
    if (problem !== undefined) this.#fail(sentence, call, problem)
    await this.#held(sentence, `${call}${shown ? `  →  ${shown(answer)}` : ''}`)
    return answer
  }

  async refusal(sentence: string, { call, code, act }: Refusal): Promise<void> {
    let answer: unknown
    try {
      await act()
    } catch (error) {
      answer = error
    }
    if (answer === undefined) this.#fail(sentence, call, 'nothing refused it')
    const met = typeof code === 'string' ? codeOf(answer) === code : code.test(codeOf(answer))
    if (!met) this.#fail(sentence, call, `it was refused, but by ${told(answer)}`, answer)
    await this.#held(sentence, `${call}  →  ${told(answer)}`)
  }

  async #held(sentence: string, what: string): Promise<void> {
    this.#steps++
    const lines = await this.#calls()
    this.#out([`  ✔ ${sentence}`, `      ${what}`, ...lines.map((line) => `      ${line}`), ''].join('\n'))
  }

  #fail(sentence: string, call: string, problem: string, cause?: unknown): never {
    this.#out(`  ✘ ${sentence}\n      ${call}  →  ${problem}\n`)
    throw new StoryError(`${sentence} ${problem}`, { cause })
  }

  /** What the KMS has on record since the last step: services' calls among them, which nobody asked for by name. */
  async #calls(): Promise<string[]> {
    const fresh: CloudTrailRecord[] = []
    for await (const record of this.#audit.events()) {
      if (!this.#seen.has(record.eventID)) fresh.push(record)
      this.#seen.add(record.eventID)
    }
    return [...grouped(fresh.map(lineOf))]
  }
}

/** Equal lines that follow each other, as one. */
function* grouped(lines: readonly string[]): Iterable<string> {
  for (let i = 0; i < lines.length;) {
    let count = 1
    while (lines[i + count] === lines[i]) count++
    yield count === 1 ? lines[i]! : `${lines[i]!} (${count} times)`
    i += count
  }
}

/** `Decrypt at us-east-1 by application through s3, aws:s3:arn=…, refused: AccessDenied` */
function lineOf({ eventName, userIdentity, requestParameters, errorCode, awsRegion }: CloudTrailRecord): string {
  const context = (requestParameters as { encryptionContext?: object } | null)?.encryptionContext ?? {}
  const isOwn = userIdentity.invokedBy === 'AWS Internal'
  const via = isOwn || !userIdentity.invokedBy ? '' : ` through ${userIdentity.invokedBy.split('.', 1)[0]!}`
  const parts = [
    `${eventName} at ${awsRegion} by ${isOwn ? 'KMS itself' : nameOf(userIdentity)}${via}`,
    ...Object.entries(context).map(([key, value]) => `${key}=${String(value)}`),
    ...(errorCode === undefined ? [] : [`refused: ${errorCode}`]),
  ]
  return `kms ‣ ${parts.join(', ')}`
}

/** Who it is, in short: the role of a session, a user; of a stranger no more than the account is told. */
function nameOf({ arn = '', accountId = '' }: CloudTrailRecord['userIdentity']): string {
  const [, role] = /:assumed-role\/([^/]+)\//.exec(arn) ?? []
  return role ?? (arn === '' ? `account ${accountId}` : arn.slice(arn.lastIndexOf(':') + 1))
}

function codeOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown }
  return typeof code === 'string' ? code : String(name)
}

function told(error: unknown): string {
  const message = error instanceof Error ? error.message : ''
  return message === '' ? codeOf(error) : `${codeOf(error)}: ${message}`
}
