/** GetKeyLastUsage. */
import type { KeyLastUsageTrackingOperation } from '../model/kms.ts'
import { existing } from '../locators.ts'
import { operation } from '../operation.ts'

export const getKeyLastUsage = operation('GetKeyLastUsage', {
  on: { key: existing('KeyId') },
  async run({ key, records }) {
    const use = await records.lastUsage.of(key)
    const KeyLastUsage = use && {
      Operation: use.operation as KeyLastUsageTrackingOperation,
      Timestamp: new Date(use.at),
      KmsRequestId: use.requestId,
      CloudTrailEventId: use.eventId,
    }
    // There was no key here before there was tracking.
    const created = new Date(key.created)
    return { KeyId: key.arn, KeyLastUsage: KeyLastUsage ?? {}, TrackingStartDate: created, KeyCreationDate: created }
  },
})
