/** Files that hold a PIN and nothing else: for their owner's eyes alone, as the room's own secrets are. */
import { readFileSync, statSync } from 'node:fs'

/** A file whose PIN is not taken; `code` says why. */
class PinFileError extends Error {
  readonly code: 'PinFileMissing' | 'PinFileExposed' | 'PinFileEmpty'

  constructor(code: PinFileError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'PinFileError'
    this.code = code
  }
}

const OTHERS = 0o077

/** The PIN in `file`, without the newline that editors put at the end. Throws PinFileError. */
export function readPin(file: string): string {
  const { mode, text } = read(file)
  // Windows has no such bits.
  if (process.platform !== 'win32' && mode & OTHERS) {
    const octal = (mode & 0o777).toString(8).padStart(4, '0')
    throw new PinFileError('PinFileExposed', `others can get at the PIN in ${file} (mode ${octal}): chmod 600 ${file}`)
  }
  const pin = text.replace(/\r?\n$/, '')
  if (pin === '') throw new PinFileError('PinFileEmpty', `there is no PIN in ${file}`)
  return pin
}

function read(file: string): { mode: number; text: string } {
  try {
    return { mode: statSync(file).mode, text: readFileSync(file, 'utf8') }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new PinFileError('PinFileMissing', `the PIN file ${file} cannot be read (${code})`, { cause })
  }
}
