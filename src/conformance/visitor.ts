/** A process that has never seen a token before looks for what another has stored there: by its label, and whether it still works. */
import { Module } from './cryptoki/module.ts'
import { Device } from './device.ts'
import { gcm } from './parameters.ts'
import { initialize } from './token.ts'

/** What it is asked: the PIN comes by this message, and by nothing that others could read. */
export interface Visit {
  readonly module: string
  readonly slot: number
  readonly pin: string
  readonly label: string
  /** In hexadecimal, as is all else that crosses. */
  readonly iv: string
  readonly sealed: string
}

export interface Visited {
  readonly found: number
  readonly plaintext: string
}

function visit({ module: path, slot, pin, label, iv, sealed }: Visit): Visited {
  const module = new Module(path)
  initialize(module)
  const device = new Device(module, { slot, pin })
  const session = device.session()
  const found = device.find(session, [{ type: 'LABEL', value: label }])
  const how = { type: 'AES_GCM', parameter: gcm(Buffer.from(iv, 'hex')) } as const
  const { bytes } = device.decrypt(session, how, found[0] ?? 0, Buffer.from(sealed, 'hex'))
  return { found: found.length, plaintext: bytes.toString('hex') }
}

process.once('message', (asked: Visit) => process.send!(visit(asked), () => process.disconnect()))
