/** Key materials in the slots of the Rust HSM: opened when first used, and again when the device gave the slot away. */
import type { Hsm, Verbs } from '../../../bindings/node/index.js'
import type { Material } from '../../keys.ts'
import { attempt, isStale, translate } from './faults.ts'

export class Slots {
  readonly hsm: Hsm
  readonly verbs: Verbs

  constructor(hsm: Hsm) {
    this.hsm = hsm
    this.verbs = hsm.verbs()
  }

  /** Does `verb` with the slot of `material`, once more with a fresh one should the device have given it away. */
  use<T>(material: Material, verb: (slot: number) => T): T {
    try {
      return verb(material.opened.slot || this.load(material))
    } catch (error) {
      this.reload(error, material)
      return attempt(() => verb(material.opened.slot))
    }
  }

  /**
   * The same for a verb of the device's pool, which looks for its key only when its turn comes: by then the slot may have
   * gone to another key again, as long as more keys are at work than there are slots.
   */
  async useAsync<T>(material: Material, verb: (slot: number) => Promise<T>): Promise<T> {
    for (let turn = 1; ; turn++) {
      try {
        return await verb(material.opened.slot || this.load(material))
      } catch (error) {
        if (turn === TURNS) throw translate(error)
        this.reload(error, material)
      }
    }
  }

  load(material: Material): number {
    return (material.opened.slot = this.hsm.load(material.token!))
  }

  /** Wipes the slot of `material`; one that the device gave away since is wiped already. */
  release({ opened }: Material): void {
    const { slot } = opened
    opened.slot = 0
    try {
      if (slot !== 0) this.hsm.unload(slot)
    } catch (error) {
      if (!isStale(error)) throw translate(error)
    }
  }

  /** Loads a stale slot's token again; throws any other error, in AWS's words. */
  reload(error: unknown, material: Material): void {
    if (!isStale(error)) throw translate(error)
    attempt(() => this.load(material))
  }
}

/** How often a verb is put to the pool; a turn that failed has done no work. */
const TURNS = 1000
