/** A token that is logged in to, and what it takes to stay so: whatever it forgets is opened once more. */
import { nameOf, slotsOf, type TokenChoice } from './choice.ts'
import type { Cryptoki, Handle, Library, TokenInfo } from './cryptoki.ts'
import { ckrOf, isForgotten, TokenError, tokenErrorOf, translate } from './faults.ts'
import { CKU_USER } from './numbers.ts'
import { Sessions } from './sessions.ts'

/** A connection to the token; handles belong to it and go with it. */
interface Connection {
  readonly sessions: Sessions
  /** Does nothing itself: it keeps us logged in, and is where objects live that are not stored. */
  readonly anchor: Handle
}

const SESSIONS = 4

export class Token {
  readonly cryptoki: Cryptoki
  private readonly library: Library
  private readonly choice: TokenChoice
  private connection: Connection | undefined
  /** Why we must not try to log in again: each try with a wrong PIN brings the token closer to being locked. */
  private barred: TokenError | undefined
  private closed = false
  /** Counts connections: handles of an earlier one are void. */
  private connections = 0

  constructor(library: Library, choice: TokenChoice) {
    this.library = library
    this.cryptoki = library.cryptoki
    this.choice = choice
  }

  /** The number of the connection there is; made if need be. Throws a TokenError that says what is in the way. */
  connect(): number {
    if (this.connection) return this.connections
    if (this.barred) throw this.barred
    this.library.initialise()
    try {
      const slot = this.find()
      const sessions = new Sessions(this.cryptoki, slot, this.choice.sessions ?? SESSIONS)
      const anchor = sessions.begin()
      try {
        this.login(slot, anchor)
      } catch (error) {
        sessions.end(anchor)
        throw error
      }
      sessions.keepTo(anchor)
      this.connection = { sessions, anchor }
      return ++this.connections
    } catch (cause) {
      const error = tokenErrorOf(cause)
      if (error instanceof TokenError && error.code.startsWith('Pin')) this.barred = error
      throw error
    }
  }

  /** What the token says of itself. */
  about(): TokenInfo {
    return this.cryptoki.C_GetTokenInfo(this.find())
  }

  get anchor(): Handle {
    this.connect()
    return this.connection!.anchor
  }

  /** Does `act` on the spot; once more should the token have forgotten what was open. Throws as AWS would. */
  use<T>(act: (session: Handle) => T): T {
    try {
      return this.once(act)
    } catch (error) {
      if (!isForgotten(error)) throw translate(error)
    }
    this.disconnect()
    try {
      return this.once(act)
    } catch (error) {
      throw translate(error)
    }
  }

  /** The same in a thread of its own. */
  async useAside<T>(act: (session: Handle) => Promise<T>): Promise<T> {
    const before = this.connections
    try {
      return await this.onceAside(act)
    } catch (error) {
      if (!isForgotten(error)) throw translate(error)
    }
    // Whoever noticed first has disconnected already.
    if (this.connections === before) this.disconnect()
    try {
      return await this.onceAside(act)
    } catch (error) {
      throw translate(error)
    }
  }

  /** The same in a session of its own, which is ended with all that was made in it; throws what the token said. */
  async apart<T>(act: (session: Handle) => T | Promise<T>): Promise<T> {
    this.connect()
    const { sessions } = this.connection!
    const session = sessions.another()
    try {
      return await act(session)
    } finally {
      sessions.end(session)
    }
  }

  /** Ends every session that this process has of the token, as taking it out and putting it back does. */
  forget(): void {
    this.cryptoki.C_CloseAllSessions(this.find())
  }

  /** Waits for what is at work in threads: a module must not end meanwhile. Nobody logs in here any more. */
  async close(): Promise<void> {
    const { connection, closed } = this
    if (closed) return
    this.closed = true
    await connection?.sessions.quiet()
    this.barred ??= new TokenError('TokenRemoved', 'the token was let go of')
    this.disconnect()
    await connection?.sessions.quiet()
    this.library.close()
  }

  private once<T>(act: (session: Handle) => T): T {
    this.connect()
    return this.connection!.sessions.onTheSpot(act)
  }

  private onceAside<T>(act: (session: Handle) => Promise<T>): Promise<T> {
    this.connect()
    return this.connection!.sessions.aside(act)
  }

  private disconnect(): void {
    const { connection } = this
    this.connection = undefined
    if (!connection) return
    connection.sessions.close()
    connection.sessions.end(connection.anchor)
  }

  /** Its slot, wherever it is now: tokens come back in another one. */
  private find(): Handle {
    const found = slotsOf(this.cryptoki, this.choice)
    if (found.length === 0)
      throw new TokenError('TokenMissing', `there is no token ${nameOf(this.choice)} in ${this.library.path}`)
    if (found.length > 1)
      throw new TokenError('TokenAmbiguous', `there are ${found.length} tokens; say which one it is`)
    return found[0]!
  }

  private login(slot: Handle, session: Handle): void {
    const { pin: given } = this.choice
    const pin = typeof given === 'string' ? given : given()
    try {
      this.cryptoki.C_Login(session, CKU_USER, pin)
      this.library.admitted(slot, pin)
    } catch (error) {
      if (ckrOf(error) !== 'CKR_USER_ALREADY_LOGGED_IN') throw error
      // Logged in is the process, and not this session: the token would let anybody in now, whatever the PIN.
      if (this.library.isOther(slot, pin))
        throw new TokenError('PinIncorrect', 'the token is logged in to, and with another PIN', { cause: error })
    }
  }
}
