/** The canonical request, after AWS's own examples. */
import test from 'ava'
import { createHmac, hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { canonicalRequest } from '../../src/http/canonical.ts'
import { headerRecord } from '../../src/http/message.ts'
import { signingKey, stringToSign } from '../../src/http/sigv4.ts'

interface Case {
  name: string
  method: string
  url: string
  headers: [string, string][]
  body: string
  /** Absent where the suite keeps only the signed request. */
  canonical?: string
  stringToSign?: string
  authorization: string
}

const suite = JSON.parse(readFileSync(new URL('../vectors/sigv4.json', import.meta.url), 'utf8')) as {
  service: string
  region: string
  secretAccessKey: string
  cases: Case[]
}

test('the suite is whole', (t) => {
  t.is(suite.cases.length, 28)
})

for (const vector of suite.cases) {
  test(`AWS's vector ${vector.name}`, (t) => {
    const [, scope = '', signedHeaders = '', signature = ''] =
      /Credential=[^/]+\/([^,]+), SignedHeaders=([^,]+), Signature=(\w+)/.exec(vector.authorization) ?? []
    const headers = headerRecord(vector.headers)
    const request = { method: vector.method, url: vector.url, headers, body: Buffer.from(vector.body) }
    const canonical = canonicalRequest(request, signedHeaders, hash('sha256', vector.body))
    t.is(canonical, vector.canonical ?? canonical)
    const text = stringToSign(headers['x-amz-date'] ?? '', scope, canonical)
    t.is(text, vector.stringToSign ?? text)
    const key = signingKey(suite.secretAccessKey, scope.slice(0, 8), suite.region, suite.service)
    t.is(createHmac('sha256', key).update(text).digest('hex'), signature)
  })
}

const line = (n: number, url: string, value = '') =>
  canonicalRequest({ method: 'GET', url, headers: headerRecord([['x', value]]) }, 'x', '-').split('\n')[n]

const path = test.macro({
  title: (_, raw: string, canonical: string) => `the path ${raw} is signed as ${canonical}`,
  exec: (t, raw: string, canonical: string) => t.is(line(1, raw), canonical),
})
test(path, '', '/')
test(path, '/a%20b', '/a%2520b')
test(path, '/a b', '/a%20b')
test(path, '/../..', '/')
test(path, '/a/./b//c/', '/a/b/c/')
test(path, '/ሴ', '/%E1%88%B4')
test(path, "/!'()*", '/%21%27%28%29%2A')

const query = test.macro({
  title: (_, raw: string, canonical: string) => `the query ${raw} is signed as ${canonical}`,
  exec: (t, raw: string, canonical: string) => t.is(line(2, `/?${raw}`), canonical),
})
test(query, '', '')
test(query, 'b&a', 'a=&b=')
test(query, 'a=1&&b=2', 'a=1&b=2')
test(query, 'a-=1&a=2', 'a=2&a-=1')
test(query, 'a=b=c', 'a=b%3Dc')
test(query, 'a=%7e%2f%41', 'a=~%2FA')
test(query, 'a=%zz+%', 'a=%25zz%2B%25')
test(query, 'a=\ud800', 'a=%EF%BF%BD')

const header = test.macro({
  title: (_, raw: string, canonical: string) => `the header value ${JSON.stringify(raw)} is signed as ${canonical}`,
  exec: (t, raw: string, canonical: string) => t.is(line(3, '/', raw), `x:${canonical}`),
})
test(header, '  a   b  ', 'a b')
test(header, 'a\tb', 'a b')
test(header, '\t', '')
test(header, 'a\u00a0\u00a0b', 'a\u00a0\u00a0b')
test(header, 'a, b', 'a, b')
