/**
 * `/_strongroom/identities`: looking at and changing who there is, for whoever holds the token and is on this machine.
 */
import { hash, timingSafeEqual } from 'node:crypto'
import type { HttpRequest, HttpResponse } from './message.ts'

export interface Administration {
  /** What `Authorization: Bearer …` has to say. */
  readonly token: string
  /** Answers a GET, PUT or DELETE with this body. */
  act(method: string, body: string): Promise<{ readonly status: number; readonly body: string }>
}

export async function administered(
  request: HttpRequest,
  headers: Readonly<Record<string, string>>,
  { token, act }: Administration,
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
  const { status, body } = await act(request.method, Buffer.from(request.body).toString())
  return { status, headers: json, body }
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address)
}

function isSame(one: string, other: string): boolean {
  return timingSafeEqual(hash('sha256', one, 'buffer'), hash('sha256', other, 'buffer'))
}
