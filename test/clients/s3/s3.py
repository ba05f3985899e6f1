"""What a program on boto3 does with S3, and what it is refused. Run by s3.test.ts against a served process."""

import base64
import hashlib
import io
import os
import pathlib
import sys
import tempfile
import urllib.error
import urllib.request
import zlib

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "story"))
from checks import check, play, refused, same  # noqa: E402

BUCKET = "patients"
REGION = os.environ["AWS_DEFAULT_REGION"]
MEGABYTE = 1024 * 1024
RECORD = b"the record of a patient, which nobody else may read. "


def client(key="test", secret="test", **config):
    retries = {"total_max_attempts": 1}
    keys = {"aws_access_key_id": key, "aws_secret_access_key": secret}
    return boto3.client("s3", config=Config(retries=retries, **config), **keys)


s3 = client()
reader = client("AKIAREADER", "reader")
kms = boto3.client("kms")
folder = pathlib.Path(tempfile.mkdtemp(dir=os.environ["HOME"]))


def put(key, body, **options):
    return s3.put_object(Bucket=BUCKET, Key=key, Body=body, **options)


def read(key, who=s3, **options):
    return who.get_object(Bucket=BUCKET, Key=key, **options)["Body"].read()


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@check("a bucket is made and found")
def _():
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    same([bucket["Name"] for bucket in s3.list_buckets()["Buckets"]], [BUCKET])
    same(s3.get_bucket_location(Bucket=BUCKET)["LocationConstraint"], REGION)
    same(s3.head_bucket(Bucket=BUCKET)["BucketRegion"], REGION)
    with refused("404"):
        s3.head_bucket(Bucket="nobodys")


@check("a file of 100 MB goes up in parts and comes down as it was")
def _():
    up, down = folder / "up", folder / "down"
    block = RECORD * (MEGABYTE // len(RECORD)) + os.urandom(MEGABYTE % len(RECORD))
    with open(up, "wb") as file:
        for number in range(100):
            file.write(number.to_bytes(4, "big") + block[4:])
    same(up.stat().st_size, 100 * MEGABYTE)
    s3.upload_file(str(up), BUCKET, "large", ExtraArgs={"ServerSideEncryption": "aws:kms"})
    head = s3.head_object(Bucket=BUCKET, Key="large")
    same(head["ContentLength"], 100 * MEGABYTE)
    same(head["ServerSideEncryption"], "aws:kms")
    assert "-" in head["ETag"], head["ETag"]
    s3.download_file(BUCKET, "large", str(down))
    same(digest(down), digest(up))
    same(read("large", Range=f"bytes={8 * MEGABYTE}-{8 * MEGABYTE + 3}"), (8).to_bytes(4, "big"))


@check("a stream goes up as it comes")
def _():
    body = os.urandom(MEGABYTE)
    s3.upload_fileobj(io.BytesIO(body), BUCKET, "stream", Config=TransferConfig(use_threads=False))
    same(read("stream"), body)
    out = io.BytesIO()
    s3.download_fileobj(BUCKET, "stream", out)
    same(out.getvalue(), body)


@check("checksums of every kind are verified, kept and told")
def _():
    for algorithm, value in {"CRC32": "NhCmhg==", "SHA1": "qvTGHdzF6KLavt4PO0gs2a6pQ00="}.items():
        for body in [b"hello", io.BytesIO(b"hello")]:
            same(put("sum", body, ChecksumAlgorithm=algorithm)[f"Checksum{algorithm}"], value)
        same(s3.get_object(Bucket=BUCKET, Key="sum", ChecksumMode="ENABLED")[f"Checksum{algorithm}"], value)
    with refused("BadDigest"):
        put("sum", b"hallo", ChecksumCRC32="NhCmhg==")
    with refused("BadDigest"):
        put("sum", b"hallo", ContentMD5="XUFAKrxLKna5cZ2REBfFkg==")
    same(read("sum"), b"hello")


@check("tags come with an object, and by themselves")
def _():
    put("tagged", b"x", Tagging="ward=7&phase=a%20b")
    tags = [{"Key": "ward", "Value": "7"}, {"Key": "phase", "Value": "a b"}]
    same(s3.get_object_tagging(Bucket=BUCKET, Key="tagged")["TagSet"], tags)
    same(s3.get_object(Bucket=BUCKET, Key="tagged")["TagCount"], 2)
    source = {"Bucket": BUCKET, "Key": "tagged"}
    s3.copy_object(Bucket=BUCKET, Key="other", CopySource=source, TaggingDirective="REPLACE", Tagging="n=1")
    same(s3.get_object_tagging(Bucket=BUCKET, Key="other")["TagSet"], [{"Key": "n", "Value": "1"}])
    s3.put_object_tagging(Bucket=BUCKET, Key="other", Tagging={"TagSet": tags})
    same(s3.get_object_tagging(Bucket=BUCKET, Key="other")["TagSet"], tags)
    s3.delete_object_tagging(Bucket=BUCKET, Key="other")
    same(s3.get_object_tagging(Bucket=BUCKET, Key="other")["TagSet"], [])
    with refused("InvalidTag"):
        s3.put_object_tagging(Bucket=BUCKET, Key="other", Tagging={"TagSet": [tags[0], tags[0]]})


@check("an object in parts has a checksum of its parts, or of all its bytes")
def _():
    blocks = [RECORD * (5 * MEGABYTE // len(RECORD) + 1), RECORD]
    whole = base64.b64encode(zlib.crc32(b"".join(blocks)).to_bytes(4, "big")).decode()
    sums = b"".join(zlib.crc32(block).to_bytes(4, "big") for block in blocks)
    composed = base64.b64encode(zlib.crc32(sums).to_bytes(4, "big")).decode() + "-2"
    for kind, value in {"COMPOSITE": composed, "FULL_OBJECT": whole}.items():
        created = s3.create_multipart_upload(Bucket=BUCKET, Key="sums", ChecksumAlgorithm="CRC32", ChecksumType=kind)
        same(created["ChecksumType"], kind)
        upload = {name: created[name] for name in ["Bucket", "Key", "UploadId"]}
        parts = []
        for number, block in enumerate(blocks, 1):
            part = s3.upload_part(**upload, PartNumber=number, Body=block)
            parts.append({"PartNumber": number, **{name: part[name] for name in ["ETag", "ChecksumCRC32"]}})
        same([part["ChecksumCRC32"] for part in s3.list_parts(**upload)["Parts"]], [part["ChecksumCRC32"] for part in parts])
        listed = {"MultipartUpload": {"Parts": parts}, "ChecksumType": kind}
        with refused("BadDigest"):
            s3.complete_multipart_upload(**upload, **listed, ChecksumCRC32="AAAAAA==")
        for _ in range(2):
            done = s3.complete_multipart_upload(**upload, **listed, ChecksumCRC32=value)
            same([done["ChecksumCRC32"], done["ChecksumType"]], [value, kind])
        got = s3.get_object(Bucket=BUCKET, Key="sums", ChecksumMode="ENABLED")
        same([got["ChecksumCRC32"], got["ChecksumType"]], [value, kind])
        same(got["Body"].read(), b"".join(blocks))


@check("keys may hold every character")
def _():
    keys = ["a b", "a+b", "100%", "%41", "//a", "x//y", "../up", "a/../b", ".", "..", "tab\tline\n", "<&>\"'", "~!*()"]
    keys += ["a?b=c#d", "q=&;:@$,", "ünï/é☃"]
    for key in keys:
        put(f"keys/{key}", key.encode())
        same(read(f"keys/{key}"), key.encode())
    for pages in ["list_objects", "list_objects_v2"]:
        found = s3.get_paginator(pages).paginate(Bucket=BUCKET, Prefix="keys/", PaginationConfig={"PageSize": 5})
        same(sorted(object["Key"] for page in found for object in page["Contents"]), sorted(f"keys/{key}" for key in keys))
    deleted = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": f"keys/{key}"} for key in keys]})
    same(len(deleted["Deleted"]), len(keys))
    same(s3.list_objects_v2(Bucket=BUCKET, Prefix="keys/")["KeyCount"], 0)


@check("what is kept with an object comes back with it")
def _():
    told = {"ContentType": "text/x", "CacheControl": "no-cache", "ContentEncoding": "gzip", "Metadata": {"patient": "one"}}
    put("told", b"x", **told)
    head = s3.head_object(Bucket=BUCKET, Key="told")
    same({name: head[name] for name in told}, told)
    s3.copy_object(Bucket=BUCKET, Key="copied", CopySource={"Bucket": BUCKET, "Key": "told"})
    same(s3.head_object(Bucket=BUCKET, Key="copied")["Metadata"], {"patient": "one"})


@check("a bucket's default encryption holds for what does not say")
def _():
    key = kms.create_key()["KeyMetadata"]["Arn"]
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rules = [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": rules})
    same(s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"], rules)
    answer = put("sealed", RECORD)
    same([answer[name] for name in ["ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled"]], ["aws:kms", key, True])
    same(put("open", RECORD, ServerSideEncryption="AES256")["ServerSideEncryption"], "AES256")
    s3.delete_bucket_encryption(Bucket=BUCKET)
    same(put("after", RECORD)["ServerSideEncryption"], "AES256")


@check("who may use S3 and not the key reads nothing that the key seals")
def _():
    key = s3.head_object(Bucket=BUCKET, Key="sealed")["SSEKMSKeyId"]
    same(read("open", reader), RECORD)
    with refused("AccessDenied"):
        read("sealed", reader)
    with refused("AccessDenied"):
        reader.put_object(Bucket=BUCKET, Key="new", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)


@check("a key that is disabled closes its objects until it is enabled")
def _():
    key = s3.head_object(Bucket=BUCKET, Key="sealed")["SSEKMSKeyId"]
    kms.disable_key(KeyId=key)
    put_there = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    with refused("KMS.DisabledException"):
        put("closed", RECORD, **put_there)
    kms.enable_key(KeyId=key)
    put("closed", RECORD, **put_there)
    same(read("closed"), RECORD)


def fetch(url, method="GET", body=None, headers=None):
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@check("a presigned URL opens what it is for, and nothing else")
def _():
    presigning = client(signature_version="s3v4")
    wanted = {"Bucket": BUCKET, "Key": "by url"}
    up = presigning.generate_presigned_url("put_object", Params=wanted)
    same(fetch(up, "PUT", b"hello", {"Content-Type": ""}), (200, b""))
    down = presigning.generate_presigned_url("get_object", Params=wanted)
    same(fetch(down), (200, b"hello"))
    for method, url, code in [
        ("GET", down.replace("by%20url", "sealed"), b"SignatureDoesNotMatch"),
        ("DELETE", down, b"SignatureDoesNotMatch"),
        ("GET", down.replace("Expires=3600", "Expires=7200"), b"SignatureDoesNotMatch"),
        ("GET", presigning.generate_presigned_url("get_object", Params=wanted, ExpiresIn=0), b"AccessDenied"),
    ]:
        status, body = fetch(url, method)
        same(status, 403)
        assert b"<Code>" + code + b"</Code>" in body, body


@check("another secret, and a key that nobody has, are refused")
def _():
    with refused("SignatureDoesNotMatch"):
        client("test", "best").list_buckets()
    with refused("InvalidAccessKeyId"):
        client("AKIANOBODY").put_object(Bucket=BUCKET, Key="stranger", Body=b"x" * MEGABYTE)
    same(s3.list_objects_v2(Bucket=BUCKET, Prefix="stranger")["KeyCount"], 0)


@check("what there is not is not implemented, and no mystery")
def _():
    with refused("NotImplemented"):
        s3.get_bucket_acl(Bucket=BUCKET)
    with refused("NoSuchKey"):
        read("nothing")
    with refused("BucketNotEmpty"):
        s3.delete_bucket(Bucket=BUCKET)


play()
