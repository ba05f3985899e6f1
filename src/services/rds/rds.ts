/** Amazon RDS over the KMS. */
import type { ServiceWorld } from '../world.ts'

export class Rds {
  readonly #world: ServiceWorld

  constructor(world: ServiceWorld) {
    this.#world = world
  }
}
