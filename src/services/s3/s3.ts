/** Amazon S3 over the KMS. */
import type { ServiceWorld } from '../world.ts'

export class S3 {
  readonly #world: ServiceWorld

  constructor(world: ServiceWorld) {
    this.#world = world
  }
}
