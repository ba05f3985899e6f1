/**
 * An engine that knows one session, shared by many: each has it until no transaction of its is open, as behind a pooler. Who
 * comes next finds none of the settings of who came before.
 */

import { query } from './wire.ts'

/** What runs messages of the protocol. */
export interface Engine {
  /** The answer, once what it changed is on the disk; with `isEnd`, the whole of it: the engine has to be ready for more. */
  run(messages: Uint8Array, isEnd: boolean): Promise<Uint8Array>
  isInTransaction(): boolean
  /** Makes the engine what a session of `user` with these settings finds when it begins. */
  begin(user: string, settings: ReadonlyMap<string, string>): Promise<void>
}

/** Somebody who takes turns. */
export interface Player {
  readonly user: string
  readonly settings: ReadonlyMap<string, string>
  /** It waits for nothing any more. */
  readonly gone: boolean
}

const NOTHING = new Uint8Array(0)

export class Turns {
  readonly #engine: Engine
  readonly #waiting: { player: Player; go: () => void }[] = []
  #holder: Player | undefined
  #last: Player | undefined

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Runs messages when it is the player's turn, which ends with the last of its transaction. */
  async run(player: Player, messages: Uint8Array, isEnd: boolean): Promise<Uint8Array> {
    await this.#take(player)
    try {
      if (player.gone) return NOTHING
      if (this.#last !== player) await this.#engine.begin(player.user, player.settings)
      this.#last = player
      return await this.#engine.run(messages, isEnd)
    } finally {
      if (isEnd && !this.#engine.isInTransaction()) this.#pass()
    }
  }

  /** Does something between turns, when no transaction is open. */
  async between<T>(act: () => Promise<T>): Promise<T> {
    await this.take()
    try {
      return await act()
    } finally {
      this.#last = undefined
      this.#pass()
    }
  }

  /** The last turn, if it is not passed on: when it has come, nobody else's does. */
  take(): Promise<void> {
    return this.#take({ user: '', settings: new Map(), gone: false })
  }

  /** Puts away what a player that is gone has left: a transaction, and what `last` closes. */
  async leave(player: Player, last: Uint8Array): Promise<void> {
    if (this.#holder !== player && last.length === 0) return
    await this.#take(player)
    try {
      if (this.#engine.isInTransaction()) await this.#engine.run(query('ROLLBACK'), true)
      if (last.length > 0) await this.#engine.run(last, true)
    } finally {
      this.#pass()
    }
  }

  async #take(player: Player): Promise<void> {
    if (this.#holder === player) return
    if (this.#holder === undefined) this.#holder = player
    else await new Promise<void>((go) => this.#waiting.push({ player, go }))
  }

  #pass(): void {
    const next = this.#waiting.shift()
    this.#holder = next?.player
    next?.go()
  }
}
