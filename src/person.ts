/** A room in somebody's name: the KMS's operations, and the services around it. */
import { Client } from './client.ts'
import type { Context } from './context.ts'
import type { Service } from './service.ts'
import type { BoundServices, Services } from './services/services.ts'

export class Person extends Client {
  readonly #services: Services
  #bound: BoundServices | undefined

  constructor(service: Service, context: Context, services: Services) {
    super(service, context)
    this.#services = services
  }

  /** Buckets and objects, encrypted under keys of the KMS. */
  get s3(): BoundServices['s3'] {
    return this.#mine.s3
  }

  /** Volumes and snapshots. */
  get ebs(): BoundServices['ebs'] {
    return this.#mine.ebs
  }

  /** Databases. */
  get rds(): BoundServices['rds'] {
    return this.#mine.rds
  }

  get #mine(): BoundServices {
    return (this.#bound ??= this.#services.as(this.context))
  }
}
