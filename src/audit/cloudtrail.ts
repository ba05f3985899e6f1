/** A record as CloudTrail has it, for calls to the KMS and for what the KMS does by itself. */

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }
export type JsonObject = Readonly<Record<string, Json>>

export interface UserIdentity {
  readonly type?: 'Root' | 'IAMUser' | 'AssumedRole' | 'FederatedUser' | 'AWSService' | 'AWSAccount'
  readonly principalId?: string
  readonly arn?: string
  readonly accountId?: string
  readonly accessKeyId?: string
  readonly userName?: string
  readonly sessionContext?: JsonObject
  readonly invokedBy?: string
}

export interface TrailResource {
  readonly accountId: string
  readonly type: 'AWS::KMS::Key'
  readonly ARN: string
}

export interface CloudTrailRecord {
  readonly eventVersion: string
  readonly userIdentity: UserIdentity
  /** `2026-01-31T12:34:56Z` */
  readonly eventTime: string
  readonly eventSource: 'kms.amazonaws.com'
  readonly eventName: string
  readonly awsRegion: string
  readonly sourceIPAddress: string
  readonly userAgent: string
  readonly errorCode?: string
  readonly errorMessage?: string
  readonly requestParameters: JsonObject | null
  readonly responseElements: JsonObject | null
  readonly additionalEventData?: JsonObject
  readonly requestID?: string
  readonly eventID: string
  readonly readOnly: boolean
  readonly resources?: readonly TrailResource[]
  readonly eventType: 'AwsApiCall' | 'AwsServiceEvent'
  readonly managementEvent: true
  readonly eventCategory: 'Management'
  readonly recipientAccountId: string
  readonly sharedEventID?: string
  readonly vpcEndpointId?: string
  readonly vpcEndpointAccountId?: string
  readonly tlsDetails?: JsonObject
  readonly serviceEventDetails?: JsonObject
  /** Not CloudTrail's: why a call was refused, a decision for each question that was asked. */
  readonly strongroom?: { readonly decisions: readonly Json[] }
}
