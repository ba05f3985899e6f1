/** Amazon EBS over the KMS. */
import type { ServiceWorld } from '../world.ts'

export class Ebs {
  readonly #world: ServiceWorld

  constructor(world: ServiceWorld) {
    this.#world = world
  }
}
