/**
 * Prints the calls that services make to the KMS into docs/services/, from the trail of a room in which each of them works:
 * what stands there happened. `npm run docs` writes the pages; a test notices when they are stale.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import type { CloudTrailRecord } from '../src/audit/cloudtrail.ts'
import { Strongroom } from '../src/index.ts'
import { ACCOUNT, SCENES, type Scene } from './services.scenes.ts'

const SELF = fileURLToPath(import.meta.url)
const BEGIN = '<!-- calls -->'
const END = '<!-- end of calls -->'

export const PAGES = Object.keys(SCENES)

const pathOf = (page: string): string => fileURLToPath(new URL(`../docs/services/${page}.md`, import.meta.url))

/** The text of a page, with the calls of its service as they are now. */
export async function render(page: string): Promise<string> {
  const path = pathOf(page)
  const text = readFileSync(path, 'utf8')
  const [before, after] = [text.indexOf(BEGIN), text.indexOf(END)]
  const sections = await played(SCENES[page]!)
  const source = `${text.slice(0, before)}${BEGIN}\n\n${sections.join('\n\n')}\n\n${text.slice(after)}`
  return format(source, { ...(await resolveConfig(path)), filepath: path })
}

async function played(scene: Scene): Promise<string[]> {
  const room = await Strongroom.open({ memory: true, seed: 6, account: ACCOUNT.id, accounts: [ACCOUNT] })
  try {
    const seen = new Set<string>()
    const sections: string[] = []
    for await (const asked of scene(room)) {
      const calls: string[] = []
      for await (const record of room.audit.events()) {
        if (seen.has(record.eventID)) continue
        seen.add(record.eventID)
        if (record.userIdentity.invokedBy !== undefined) calls.push(`- ${told(record)}`)
      }
      sections.push(`### ${asked}\n\n${calls.length === 0 ? 'nothing' : calls.join('\n')}`)
    }
    return sections
  } finally {
    await room.close()
  }
}

/** `**Decrypt** by the application through ec2.amazonaws.com`, and what the request said. */
function told({ eventName, userIdentity, requestParameters, errorCode }: CloudTrailRecord): string {
  const said = Object.entries(requestParameters ?? {}).flatMap(([name, value]) =>
    SHOWN.has(name) ? [`${name} \`${typeof value === 'string' ? value : JSON.stringify(value)}\``] : [],
  )
  const refused = errorCode === undefined ? [] : [`refused: ${errorCode}`]
  const who = /assumed-role\/([^/]+)/.exec(userIdentity.arn ?? '')?.[1] ?? userIdentity.arn ?? userIdentity.invokedBy
  return [`**${eventName}** by ${who} through ${userIdentity.invokedBy}`, ...said, ...refused].join(', ')
}

/** What of a request is worth telling; keys and ciphertexts are long, and another each time. */
const SHOWN = new Set([
  ...['encryptionContext', 'sourceEncryptionContext', 'destinationEncryptionContext', 'keySpec', 'numberOfBytes'],
  ...['operations', 'granteePrincipal', 'retiringPrincipal', 'constraints', 'granteeServicePrincipal'],
])

if (process.argv[1] === SELF) for (const page of PAGES) writeFileSync(pathOf(page), await render(page))
