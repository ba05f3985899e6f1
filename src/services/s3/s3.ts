/** Amazon S3 over the KMS: buckets and objects, each object encrypted as it comes under a data key of its own. */
import type { Context } from '../../context.ts'
import type { ServiceWorld } from '../world.ts'
import * as buckets from './buckets.ts'
import { Files } from './files.ts'
import { Keys } from './keys.ts'
import { Leave } from './leave.ts'
import { listObjects, listObjectsV2 } from './listing.ts'
import type { Means } from './means.ts'
import * as objects from './objects.ts'
import { Records } from './records.ts'
import type * as Shapes from './shapes.ts'
import * as tagging from './tagging.ts'
import { listMultipartUploads, listParts } from './uploadlists.ts'
import * as uploads from './uploads.ts'

/** The operations, one a method, as AWS calls them. */
export class S3 {
  readonly #means: Means
  /** Wipes the Bucket Keys that are kept in the clear. Not for callers to ask. */
  readonly close = (): void => this.#means.keys.close()

  constructor(world: ServiceWorld) {
    const records = new Records(world.store)
    const files = new Files(world, () => records.files())
    this.#means = { world, records, files, keys: new Keys(world), leave: new Leave(world, records) }
  }

  async createBucket(input: buckets.CreateBucketRequest, context: Context) {
    return buckets.createBucket(this.#means, input, context)
  }

  async deleteBucket(input: Shapes.InBucket, context: Context) {
    return buckets.deleteBucket(this.#means, input, context)
  }

  async headBucket(input: Shapes.InBucket, context: Context) {
    return buckets.headBucket(this.#means, input, context)
  }

  async getBucketLocation(input: Shapes.InBucket, context: Context) {
    return buckets.getBucketLocation(this.#means, input, context)
  }

  async listBuckets(_input: object, context: Context) {
    return buckets.listBuckets(this.#means, context)
  }

  async putBucketEncryption(input: Shapes.InBucket & Shapes.EncryptionConfiguration, context: Context) {
    return buckets.putBucketEncryption(this.#means, input, context)
  }

  async getBucketEncryption(input: Shapes.InBucket, context: Context) {
    return buckets.getBucketEncryption(this.#means, input, context)
  }

  async deleteBucketEncryption(input: Shapes.InBucket, context: Context) {
    return buckets.deleteBucketEncryption(this.#means, input, context)
  }

  async putBucketPolicy(input: Shapes.InBucket & { readonly Policy: string }, context: Context) {
    return buckets.putBucketPolicy(this.#means, input, context)
  }

  async getBucketPolicy(input: Shapes.InBucket, context: Context) {
    return buckets.getBucketPolicy(this.#means, input, context)
  }

  async deleteBucketPolicy(input: Shapes.InBucket, context: Context) {
    return buckets.deleteBucketPolicy(this.#means, input, context)
  }

  async putObject(input: Shapes.PutObjectRequest, context: Context) {
    return objects.putObject(this.#means, input, context)
  }

  async getObject(input: Shapes.GetObjectRequest, context: Context) {
    return objects.getObject(this.#means, input, context)
  }

  async headObject(input: Shapes.GetObjectRequest, context: Context) {
    return objects.headObject(this.#means, input, context)
  }

  async copyObject(input: Shapes.CopyObjectRequest, context: Context) {
    return objects.copyObject(this.#means, input, context)
  }

  async deleteObject(input: Shapes.OfObject, context: Context) {
    return objects.deleteObject(this.#means, input, context)
  }

  async deleteObjects(input: Shapes.DeleteObjectsRequest, context: Context) {
    return objects.deleteObjects(this.#means, input, context)
  }

  async putObjectTagging(input: Shapes.PutObjectTaggingRequest, context: Context) {
    return tagging.putObjectTagging(this.#means, input, context)
  }

  async getObjectTagging(input: Shapes.OfObject, context: Context) {
    return tagging.getObjectTagging(this.#means, input, context)
  }

  async deleteObjectTagging(input: Shapes.OfObject, context: Context) {
    return tagging.deleteObjectTagging(this.#means, input, context)
  }

  async listObjectsV2(input: Shapes.ListObjectsV2Request, context: Context) {
    return listObjectsV2(this.#means, input, context)
  }

  async listObjects(input: Shapes.ListObjectsRequest, context: Context) {
    return listObjects(this.#means, input, context)
  }

  async createMultipartUpload(input: Shapes.CreateMultipartUploadRequest, context: Context) {
    return uploads.createMultipartUpload(this.#means, input, context)
  }

  async uploadPart(input: Shapes.UploadPartRequest, context: Context) {
    return uploads.uploadPart(this.#means, input, context)
  }

  async uploadPartCopy(input: Shapes.UploadPartCopyRequest, context: Context) {
    return uploads.uploadPartCopy(this.#means, input, context)
  }

  async completeMultipartUpload(input: Shapes.CompleteMultipartUploadRequest, context: Context) {
    return uploads.completeMultipartUpload(this.#means, input, context)
  }

  async abortMultipartUpload(input: Shapes.OfUpload, context: Context) {
    return uploads.abortMultipartUpload(this.#means, input, context)
  }

  async listParts(input: Shapes.ListPartsRequest, context: Context) {
    return listParts(this.#means, input, context)
  }

  async listMultipartUploads(input: Shapes.ListMultipartUploadsRequest, context: Context) {
    return listMultipartUploads(this.#means, input, context)
  }
}
