/** Hides the engine of databases, as where it is not installed: `node --import ./hidden.ts …`. */
import { register } from 'node:module'

const hooks = `export async function resolve(name, context, next) {
  if (!name.startsWith('@electric-sql/')) return next(name, context)
  throw Object.assign(new Error('there is none'), { code: 'ERR_MODULE_NOT_FOUND' })
}`
register(`data:text/javascript,${encodeURIComponent(hooks)}`)
