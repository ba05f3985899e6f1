/** What a disk says no with: the names that block devices have for it everywhere. */

/** EINVAL: outside of the disk, or no such size. ENOSPC: the file system is full. EIO: the file fails. ESHUTDOWN: it is closed. */
export type DiskFault = 'EINVAL' | 'ENOSPC' | 'EIO' | 'ESHUTDOWN'

export class DiskError extends Error {
  readonly code: DiskFault

  constructor(code: DiskFault, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DiskError'
    this.code = code
  }
}

/** The operating system's words for a full disk, a quota and the largest file there can be. */
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** The disk's error for one of the operating system's. */
export function faultOf(error: unknown): DiskError {
  if (error instanceof DiskError) return error
  const { code } = error as NodeJS.ErrnoException
  return code !== undefined && FULL.has(code)
    ? new DiskError('ENOSPC', 'no space is left for the volume', { cause: error })
    : new DiskError('EIO', 'the file of the volume cannot be read or written', { cause: error })
}
