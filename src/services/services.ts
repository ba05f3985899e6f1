/** The services around the KMS, made together and closed together. */
import type { Context } from '../context.ts'
import { Ebs } from './ebs/ebs.ts'
import { Rds } from './rds/rds.ts'
import { S3 } from './s3/s3.ts'
import { bound, type Bound, type ServiceWorld } from './world.ts'

export class Services {
  readonly s3: S3
  readonly ebs: Ebs
  readonly rds: Rds

  constructor(world: ServiceWorld) {
    this.s3 = new S3(world)
    this.ebs = new Ebs(world)
    this.rds = new Rds(world)
  }

  /** All of them in the name of one caller. */
  as(context: Context): BoundServices {
    return { s3: bound(this.s3, context), ebs: bound(this.ebs, context), rds: bound(this.rds, context) }
  }

  /** Looks after what runs: databases are started, and stopped when they cannot reach their keys. */
  sweep(): Promise<void> {
    return this.rds.sweep()
  }

  async close(): Promise<void> {
    this.s3.close()
    await Promise.all([this.ebs.close(), this.rds.close()])
  }
}

export interface BoundServices {
  readonly s3: Bound<S3>
  readonly ebs: Bound<Ebs>
  readonly rds: Bound<Rds>
}
