/**
 * `/_strongroom/…`: looking at and changing what no AWS API can, who there is and what time it is, for whoever holds the
 * token and is on this machine.
 */
import { hash, timingSafeEqual } from 'node:crypto'
import type { HttpRequest, HttpResponse } from './message.ts'

export interface Administration {
  /** What `Authorization: Bearer …` has to say. */
  readonly token: string
  /** What each name stands for after `/_strongroom/`. */
  readonly routes: Readonly<Record<string, AdminRoute>>
}

/** Answers a GET, PUT, POST or DELETE with this body. */
export type AdminRoute = (method: string, body: string) => Promise<{ readonly status: number; readonly body: string }>

export function isAdministration(path: string | undefined, { routes }: Administration): boolean {
  return path !== undefined && path.startsWith(ROOT) && Object.hasOwn(routes, path.slice(ROOT.length))
}

const ROOT = '/_strongroom/'

export async function administered(
  request: HttpRequest,
  headers: Readonly<Record<string, string>>,
  { token, routes }: Administration,
): Promise<HttpResponse> {
  const json = { ...headers, 'content-type': 'application/json' }
  const said = (status: number, problem: string) => ({
    status,
    headers: json,
    body: JSON.stringify({ message: problem }),
  })
  if (request.way && !isLoopback(request.way.address)) return said(403, 'this is for the machine itself')
  const [, given] = /^Bearer ([!-~]+)$/.exec(request.headers['authorization'] ?? '') ?? []
  if (given === undefined || !isSame(given, token)) return said(401, 'the token of the data folder is needed')
  const route = routes[request.url.split('?', 1)[0]!.slice(ROOT.length)]!
  const { status, body } = await route(request.method, Buffer.from(request.body).toString())
  return { status, headers: json, body }
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address)
}

function isSame(one: string, other: string): boolean {
  return timingSafeEqual(hash('sha256', one, 'buffer'), hash('sha256', other, 'buffer'))
}
