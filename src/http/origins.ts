/** How requests came: equal ones share one origin, by which the trail and decisions tell them apart. */
import { isIP } from 'node:net'
import type { Origin } from '../origin.ts'
import type { RequestHead, Way } from './message.ts'

const MOST = 4096
/** The client's own words go into every record: this much of them. */
const AGENT_LENGTH = 1024

const IN_PROCESS: Way = { address: '127.0.0.1', secure: true }

export class Origins {
  #known = new Map<string, Origin>()

  of({ headers, way = IN_PROCESS }: RequestHead): Origin {
    const userAgent = (headers['user-agent'] ?? '').slice(0, AGENT_LENGTH)
    const { secure, tls, endpoint } = way
    const sourceIp = plain(way.address)
    const host = tls ? (headers['host'] ?? '') : ''
    const name = JSON.stringify([sourceIp, userAgent, secure, tls?.version, tls?.cipher, host, endpoint?.id])
    let origin = this.#known.get(name)
    // Two endpoints of one name may have different policies.
    if (origin?.endpoint !== endpoint || !origin) {
      if (this.#known.size >= MOST) this.#known = new Map()
      origin = { sourceIp, userAgent, secure, tls: tls && { ...tls, host }, endpoint }
      this.#known.set(name, origin)
    }
    return origin
  }
}

/** An IPv4 address as such, though the socket is one of IPv6. */
function plain(address: string): string {
  const mapped = address.startsWith('::ffff:') ? address.slice(7) : address
  return isIP(mapped) === 4 ? mapped : address
}
