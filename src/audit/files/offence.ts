/** What is not as it was written. */

export class Offence extends Error {
  readonly kind: 'changed' | 'removed' | 'added' | 'reordered'
  /** The file, by its name below the folder of the trail. */
  readonly file: string
  /** Which record of the file, from 0, and the id of the event found there. */
  readonly record: number | undefined
  readonly eventId: string | undefined

  constructor(kind: Offence['kind'], file: string, why: string, record?: number, eventId?: string) {
    const place =
      record === undefined ? file : `${file}, record ${record}${eventId === undefined ? '' : ` (${eventId})`}`
    super(`${kind}: ${place}: ${why}`)
    this.name = 'Offence'
    this.kind = kind
    this.file = file
    this.record = record
    this.eventId = eventId
  }
}
