/** How a client and the server come to terms, in the fixed newstyle: options are asked for until one of them begins the work. */
import {
  ALLOCATION,
  ALLOCATION_ID,
  ANSWERS,
  BLOCK,
  CAPABILITIES,
  CAPABLE_OF_WHOLE_READS,
  FIXED_NEWSTYLE,
  GREETING,
  INFOS,
  NO_ZEROES,
  OPTION,
  OPTION_LENGTH,
  OPTIONS,
  optionReply,
  pack,
} from './protocol.ts'
import type { Wire } from './wire.ts'

/** What is served. */
export interface Export {
  readonly name: string
  readonly size: number
}

/** What was agreed on. */
export interface Terms {
  /** Whether replies say how long they are. */
  structured: boolean
  /** Whether the client may ask which parts are holes. */
  allocation: boolean
}

/** A name has at most 4096 bytes; nothing that an honest client asks is much longer. */
const LONGEST_OPTION = 16 * 1024
const RESERVED = Buffer.alloc(124)

interface Asked {
  readonly wire: Wire
  readonly terms: Terms
  readonly served: Export
  readonly option: number
  readonly data: Buffer
  readonly noZeroes: boolean
}

/** What comes after an option: another, the work, or the end. */
type Next = 'more' | 'work' | 'end'

/** The terms under which the work begins; undefined when the client left, or does not speak the protocol. */
export async function negotiate(wire: Wire, served: Export): Promise<Terms | undefined> {
  await wire.send([pack([8, GREETING], [8, OPTION], [2, FIXED_NEWSTYLE | NO_ZEROES])])
  const flags = (await wire.take(4))?.readUInt32BE()
  // The bit of the first flag is not asked for: a client without it sends the one option that needs no answer.
  if (flags === undefined || (flags & ~(FIXED_NEWSTYLE | NO_ZEROES)) !== 0) return undefined
  const terms: Terms = { structured: false, allocation: false }
  for (;;) {
    const head = await wire.take(OPTION_LENGTH)
    if (head?.readBigUInt64BE() !== OPTION) return undefined
    const [option, length] = [head.readUInt32BE(8), head.readUInt32BE(12)]
    const data = length <= LONGEST_OPTION ? await wire.take(length) : undefined
    if (!data) return undefined
    const answer = ANSWERED.get(option) ?? unsupported
    const next = await answer({ wire, terms, served, option, data, noZeroes: (flags & NO_ZEROES) !== 0 })
    if (next !== 'more') return next === 'work' ? terms : undefined
  }
}

const ANSWERED = new Map<number, (asked: Asked) => Promise<Next>>([
  [OPTIONS.EXPORT_NAME, beginAtOnce],
  [OPTIONS.ABORT, (asked) => reply(asked, ANSWERS.ACK, undefined, 'end')],
  [OPTIONS.LIST, list],
  [OPTIONS.INFO, (asked) => describe(asked, 'more')],
  [OPTIONS.GO, (asked) => describe(asked, 'work')],
  [OPTIONS.STRUCTURED_REPLY, structure],
  [OPTIONS.LIST_META_CONTEXT, contexts],
  [OPTIONS.SET_META_CONTEXT, contexts],
])

async function reply({ wire, option }: Asked, answer: number, data?: Buffer, next: Next = 'more'): Promise<Next> {
  await wire.send(optionReply(option, answer, data))
  return next
}

function unsupported(asked: Asked): Promise<Next> {
  return reply(asked, ANSWERS.UNSUPPORTED)
}

/** The old way to begin, which knows no refusal but hanging up. */
async function beginAtOnce({ wire, terms, served, data, noZeroes }: Asked): Promise<Next> {
  if (!isName(data.toString(), served)) return 'end'
  const head = pack([8, served.size], [2, capabilities(terms)])
  await wire.send(noZeroes ? [head] : [head, RESERVED])
  return 'work'
}

async function list(asked: Asked): Promise<Next> {
  if (asked.data.length > 0) return reply(asked, ANSWERS.INVALID)
  const name = Buffer.from(asked.served.name)
  await reply(asked, ANSWERS.SERVER, Buffer.concat([pack([4, name.length]), name]))
  return reply(asked, ANSWERS.ACK)
}

/** INFO and GO: the export's name, then which particulars are wanted. Those that matter are told in any case. */
async function describe(asked: Asked, next: Next): Promise<Next> {
  const { served, terms, data } = asked
  const read = textAt(data, 0)
  const wanted = read && data.length >= read.end + 2 ? data.readUInt16BE(read.end) : -1
  if (!read || data.length !== read.end + 2 + 2 * wanted) return reply(asked, ANSWERS.INVALID)
  if (!isName(read.text, served)) return reply(asked, ANSWERS.UNKNOWN)
  const name = Buffer.concat([pack([2, INFOS.NAME]), Buffer.from(served.name)])
  await reply(asked, ANSWERS.INFO, pack([2, INFOS.EXPORT], [8, served.size], [2, capabilities(terms)]))
  await reply(asked, ANSWERS.INFO, name)
  await reply(asked, ANSWERS.INFO, pack([2, INFOS.BLOCK_SIZE], [4, BLOCK.least], [4, BLOCK.best], [4, BLOCK.most]))
  return reply(asked, ANSWERS.ACK, undefined, next)
}

function structure(asked: Asked): Promise<Next> {
  if (asked.data.length > 0) return reply(asked, ANSWERS.INVALID)
  asked.terms.structured = true
  return reply(asked, ANSWERS.ACK)
}

/** Lists or chooses contexts of metadata: the export's name, then what is looked for; nothing in particular finds all. */
async function contexts(asked: Asked): Promise<Next> {
  const { served, terms, option, data } = asked
  const choosing = option === OPTIONS.SET_META_CONTEXT
  const queries = queriesOf(data)
  // What was chosen before is forgotten, whatever comes of this.
  if (choosing) terms.allocation = false
  if (!queries || !terms.structured) return reply(asked, ANSWERS.INVALID)
  if (!isName(queries.name, served)) return reply(asked, ANSWERS.UNKNOWN)
  const all = !choosing && (queries.texts.length === 0 || queries.texts.includes('base:'))
  if (all || queries.texts.includes(ALLOCATION)) {
    if (choosing) terms.allocation = true
    const id = choosing ? ALLOCATION_ID : 0
    await reply(asked, ANSWERS.META_CONTEXT, Buffer.concat([pack([4, id]), Buffer.from(ALLOCATION)]))
  }
  return reply(asked, ANSWERS.ACK)
}

function queriesOf(data: Buffer): { name: string; texts: string[] } | undefined {
  const name = textAt(data, 0)
  if (!name || data.length < name.end + 4) return undefined
  const texts: string[] = []
  let end = name.end + 4
  for (let left = data.readUInt32BE(name.end); left > 0; left--) {
    const query = textAt(data, end)
    if (!query) return undefined
    texts.push(query.text)
    end = query.end
  }
  return end === data.length ? { name: name.text, texts } : undefined
}

/** A text with its length before it. */
function textAt(data: Buffer, at: number): { text: string; end: number } | undefined {
  if (data.length < at + 4) return undefined
  const end = at + 4 + data.readUInt32BE(at)
  return end <= data.length ? { text: data.toString('utf8', at + 4, end), end } : undefined
}

/** A server of one export goes by its name, and by none. */
function isName(name: string, served: Export): boolean {
  return name === '' || name === served.name
}

function capabilities({ structured }: Terms): number {
  return structured ? CAPABILITIES | CAPABLE_OF_WHOLE_READS : CAPABILITIES
}
