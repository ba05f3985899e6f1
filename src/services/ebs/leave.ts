/** Who may do what to volumes and snapshots: what IAM says, told what conditions about EC2 ask for. */
import { partitionOf } from '../../arn.ts'
import type { Context } from '../../context.ts'
import { fail, KmsError } from '../../errors.ts'
import type { Values } from '../../policy/context.ts'
import type { ServiceWorld } from '../world.ts'
import type { Tag } from './shapes.ts'

type Kind = 'volume' | 'snapshot' | 'instance'

/** What a call is about, as far as policies can ask. */
export interface About {
  readonly DryRun?: boolean
  readonly tags?: readonly Tag[]
  readonly wanted?: readonly Tag[]
  /** Condition keys of EC2's, in lower case. */
  readonly told?: Readonly<Record<string, Values>>
}

export class Leave {
  readonly #world: ServiceWorld

  constructor(world: ServiceWorld) {
    this.#world = world
  }

  /** Leave to do `action` to each of what is named, `*` for one that is to be made; to nothing in particular if there is none. */
  async to(
    action: string,
    on: readonly (readonly [Kind, string])[],
    context: Context,
    { DryRun = false, ...about }: About = {},
  ): Promise<void> {
    const told = tell(context, about)
    const { account } = context.caller
    const named = on.map(([kind, id]) => ({ arn: arnOf(kind, id, context), account }))
    for (const resource of named.length > 0 ? named : [undefined]) {
      await this.#permit({ action: `ec2:${action}`, resource }, context, told)
    }
    if (DryRun) fail('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.')
  }

  async #permit(...asked: Parameters<ServiceWorld['permit']>): Promise<void> {
    try {
      await this.#world.permit(...asked)
    } catch (error) {
      if (!(error instanceof KmsError) || error.code !== 'AccessDeniedException') throw error
      fail('UnauthorizedOperation', `You are not authorized to perform this operation. ${error.message}`)
    }
  }
}

/** Snapshots are not named by their account. */
function arnOf(kind: Kind, id: string, { region, caller }: Context): string {
  const account = kind === 'snapshot' ? '' : caller.account
  return `arn:${partitionOf(region)}:ec2:${region}:${account}:${kind}/${id}`
}

function tell({ region }: Context, { tags = [], wanted = [], told = {} }: Omit<About, 'DryRun'>) {
  const own: Record<string, Values> = { 'ec2:region': region, ...told }
  for (const { Key, Value = '' } of tags) {
    own[`aws:resourcetag/${Key.toLowerCase()}`] = Value
    own[`ec2:resourcetag/${Key.toLowerCase()}`] = Value
  }
  for (const { Key, Value = '' } of wanted) own[`aws:requesttag/${Key.toLowerCase()}`] = Value
  if (wanted.length > 0) own['aws:tagkeys'] = wanted.map(({ Key }) => Key)
  return (key: string): Values => (Object.hasOwn(own, key) ? own[key] : undefined)
}
