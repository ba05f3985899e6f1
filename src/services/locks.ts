/** Who may go on together, and who must be alone: many write into a bucket at a time, say, and nobody while it is deleted. */

interface Line {
  /** The end of whoever has the name alone. */
  alone: Promise<unknown>
  /** The end of all who came to share it since. */
  sharers: Promise<unknown>
  users: number
}

export class Locks {
  readonly #lines = new Map<string, Line>()

  /** Runs `work` beside others who share `name`, and not beside somebody who has it alone. */
  shared<T>(name: string, work: () => Promise<T>): Promise<T> {
    return this.#enter(name, (line) => {
      const mine = line.alone.then(work)
      line.sharers = Promise.all([line.sharers, ended(mine)])
      return mine
    })
  }

  alone<T>(name: string, work: () => Promise<T>): Promise<T> {
    return this.#enter(name, (line) => {
      const mine = Promise.all([line.alone, line.sharers]).then(work)
      line.alone = ended(mine)
      line.sharers = Promise.resolve()
      return mine
    })
  }

  async #enter<T>(name: string, wait: (line: Line) => Promise<T>): Promise<T> {
    const line = this.#lines.get(name) ?? { alone: Promise.resolve(), sharers: Promise.resolve(), users: 0 }
    this.#lines.set(name, line)
    line.users++
    try {
      return await wait(line)
    } finally {
      if (--line.users === 0) this.#lines.delete(name)
    }
  }
}

function ended(work: Promise<unknown>): Promise<unknown> {
  return work.catch(() => undefined)
}
