"""What a program on boto3 does with a KMS, and what it is refused. Run by boto3.test.ts against a served process."""

import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from checks import check, play, refused, same

ACCOUNT = "000000000000"
OTHER_ACCOUNT = "000000000002"
CONTEXT = {"tenant": "örebro", "purpose": "story"}
OTHER_CONTEXT = {"tenant": "örebro", "purpose": "another story"}


def client(key="test", secret="test", region="eu-north-1"):
    return boto3.client(
        "kms",
        region_name=region,
        endpoint_url=os.environ["AWS_ENDPOINT_URL_KMS"],
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=16),
    )


kms = client()


def new_key(**options):
    return kms.create_key(**options)["KeyMetadata"]


def key_arn(key_id):
    return f"arn:aws:kms:eu-north-1:{ACCOUNT}:key/{key_id}"


# Keys ---------------------------------------------------------------------------------------------


@check("a new key is symmetric, enabled and ours")
def _():
    key = new_key(Description="of the story")
    same(key["Arn"], key_arn(key["KeyId"]))
    same(str(uuid.UUID(key["KeyId"])), key["KeyId"])
    same(key["AWSAccountId"], ACCOUNT)
    same(key["Description"], "of the story")
    same((key["KeyState"], key["Enabled"]), ("Enabled", True))
    same((key["KeySpec"], key["CustomerMasterKeySpec"]), ("SYMMETRIC_DEFAULT", "SYMMETRIC_DEFAULT"))
    same((key["KeyUsage"], key["EncryptionAlgorithms"]), ("ENCRYPT_DECRYPT", ["SYMMETRIC_DEFAULT"]))
    same((key["Origin"], key["KeyManager"], key["MultiRegion"]), ("AWS_KMS", "CUSTOMER", False))
    assert abs(datetime.now(timezone.utc) - key["CreationDate"]) < timedelta(minutes=1)


@check("id, ARN, alias name and alias ARN describe the same key")
def _():
    key = new_key()
    alias = f"alias/four-names-{key['KeyId']}"
    kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    alias_arn = f"arn:aws:kms:eu-north-1:{ACCOUNT}:{alias}"
    for name in (key["KeyId"], key["Arn"], alias, alias_arn):
        same(kms.describe_key(KeyId=name)["KeyMetadata"], key)


@check("a paginator walks all keys over several pages, each once")
def _():
    mine = {new_key()["KeyId"] for _ in range(7)}
    pages = list(kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 3}))
    assert len(pages) > 2, f"{len(pages)} pages"
    assert all(len(page["Keys"]) <= 3 for page in pages)
    seen = [key["KeyId"] for page in pages for key in page["Keys"]]
    same(len(seen), len(set(seen)))
    assert mine <= set(seen)
    same([page["Truncated"] for page in pages], [True] * (len(pages) - 1) + [False])


@check("a description can be changed")
def _():
    key = new_key(Description="before")
    kms.update_key_description(KeyId=key["KeyId"], Description="after")
    same(kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["Description"], "after")


@check("a disabled key encrypts nothing until it is enabled")
def _():
    key = new_key()
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    kms.disable_key(KeyId=key["KeyId"])
    same(kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"], "Disabled")
    with refused("DisabledException", f"{key['Arn']} is disabled."):
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    with refused("DisabledException", f"{key['Arn']} is disabled."):
        kms.decrypt(CiphertextBlob=blob)
    kms.enable_key(KeyId=key["KeyId"])
    same(kms.decrypt(CiphertextBlob=blob)["Plaintext"], b"x")


@check("a key scheduled for deletion is out of use, and comes back disabled")
def _():
    key = new_key()
    scheduled = kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    same((scheduled["KeyId"], scheduled["KeyState"]), (key["Arn"], "PendingDeletion"))
    wait = scheduled["DeletionDate"] - datetime.now(timezone.utc)
    assert timedelta(days=6, hours=23) < wait < timedelta(days=7, hours=1), wait
    with refused("KMSInvalidStateException", f"{key['Arn']} is pending deletion."):
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    with refused("KMSInvalidStateException", f"{key['Arn']} is pending deletion."):
        kms.schedule_key_deletion(KeyId=key["KeyId"])
    same(kms.cancel_key_deletion(KeyId=key["KeyId"])["KeyId"], key["Arn"])
    described = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
    same((described["KeyState"], "DeletionDate" in described), ("Disabled", False))
    kms.enable_key(KeyId=key["KeyId"])
    kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")


@check("a deletion window is 7 to 30 days")
def _():
    key = new_key()
    for days in (6, 31):
        with refused("ValidationException"):
            kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=days)
    same(kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"], "Enabled")


@check("a key spec that is not built yet is refused as unsupported")
def _():
    for spec, usage in (("RSA_2048", "SIGN_VERIFY"), ("HMAC_256", "GENERATE_VERIFY_MAC"), ("ML_DSA_65", "SIGN_VERIFY")):
        with refused("UnsupportedOperationException"):
            kms.create_key(KeySpec=spec, KeyUsage=usage)


# Aliases, tags, policies --------------------------------------------------------------------------


@check("an alias is made, moved to another key and removed")
def _():
    first, second = new_key(), new_key()
    alias = f"alias/moves-{first['KeyId']}"
    kms.create_alias(AliasName=alias, TargetKeyId=first["KeyId"])
    same(kms.encrypt(KeyId=alias, Plaintext=b"x")["KeyId"], first["Arn"])
    kms.update_alias(AliasName=alias, TargetKeyId=second["Arn"])
    same(kms.encrypt(KeyId=alias, Plaintext=b"x")["KeyId"], second["Arn"])
    same([a["AliasName"] for a in kms.list_aliases(KeyId=second["KeyId"])["Aliases"]], [alias])
    same(kms.list_aliases(KeyId=first["KeyId"])["Aliases"], [])
    kms.delete_alias(AliasName=alias)
    with refused("NotFoundException"):
        kms.describe_key(KeyId=alias)


@check("a paginator walks all aliases over several pages")
def _():
    key = new_key()
    names = {f"alias/page-{index}-{key['KeyId']}" for index in range(5)}
    for name in names:
        kms.create_alias(AliasName=name, TargetKeyId=key["KeyId"])
    paginator = kms.get_paginator("list_aliases")
    pages = list(paginator.paginate(KeyId=key["KeyId"], PaginationConfig={"PageSize": 2}))
    assert len(pages) >= 3, f"{len(pages)} pages"
    aliases = [alias for page in pages for alias in page["Aliases"]]
    same(sorted(alias["AliasName"] for alias in aliases), sorted(names))
    same({alias["TargetKeyId"] for alias in aliases}, {key["KeyId"]})


@check("an alias that is taken, reserved or not an alias is refused")
def _():
    key = new_key()
    alias = f"alias/taken-{key['KeyId']}"
    kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    with refused("AlreadyExistsException"):
        kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    with refused("NotAuthorizedException"):
        kms.create_alias(AliasName="alias/aws/ours", TargetKeyId=key["KeyId"])
    with refused("ValidationException"):
        kms.create_alias(AliasName="without-prefix", TargetKeyId=key["KeyId"])
    with refused("NotFoundException"):
        kms.delete_alias(AliasName=f"alias/never-made-{key['KeyId']}")


@check("tags are added, replaced, paged and removed")
def _():
    key = new_key(Tags=[{"TagKey": "team", "TagValue": "blue"}])
    more = [{"TagKey": f"n{index}", "TagValue": str(index)} for index in range(4)]
    kms.tag_resource(KeyId=key["KeyId"], Tags=[{"TagKey": "team", "TagValue": "green"}, *more])
    paginator = kms.get_paginator("list_resource_tags")
    pages = list(paginator.paginate(KeyId=key["KeyId"], PaginationConfig={"PageSize": 2}))
    assert len(pages) >= 3, f"{len(pages)} pages"
    tags = {tag["TagKey"]: tag["TagValue"] for page in pages for tag in page["Tags"]}
    same(tags, {"team": "green", "n0": "0", "n1": "1", "n2": "2", "n3": "3"})
    kms.untag_resource(KeyId=key["KeyId"], TagKeys=["team", "n0", "n1", "n2"])
    same(kms.list_resource_tags(KeyId=key["KeyId"])["Tags"], [{"TagKey": "n3", "TagValue": "3"}])


@check("tags AWS reserves, repeats or more than fifty are refused")
def _():
    key = new_key()
    with refused("TagException"):
        kms.tag_resource(KeyId=key["KeyId"], Tags=[{"TagKey": "aws:ours", "TagValue": ""}])
    with refused("TagException"):
        kms.tag_resource(KeyId=key["KeyId"], Tags=[{"TagKey": "a", "TagValue": "1"}, {"TagKey": "a", "TagValue": "2"}])
    with refused("TagException"):
        kms.tag_resource(KeyId=key["KeyId"], Tags=[{"TagKey": f"t{n}", "TagValue": ""} for n in range(51)])


@check("a key policy is there from the start, is replaced and is listed")
def _():
    key = new_key()
    root = f"arn:aws:iam::{ACCOUNT}:root"
    before = kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")
    assert root in before["Policy"], before["Policy"]
    policy = before["Policy"].replace('"Version"', '"Id":"story","Version"', 1)
    kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=policy)
    same(kms.get_key_policy(KeyId=key["KeyId"])["Policy"], policy)
    same(kms.list_key_policies(KeyId=key["KeyId"])["PolicyNames"], ["default"])
    with refused("MalformedPolicyDocumentException"):
        kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy="{")


# Cryptography -------------------------------------------------------------------------------------


@check("what was encrypted under a context is decrypted under it, with and without naming the key")
def _():
    key = new_key()
    sealed = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"a secret", EncryptionContext=CONTEXT)
    same((sealed["KeyId"], sealed["EncryptionAlgorithm"]), (key["Arn"], "SYMMETRIC_DEFAULT"))
    for naming in ({}, {"KeyId": key["KeyId"]}, {"KeyId": key["Arn"]}):
        opened = kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=CONTEXT, **naming)
        same((opened["Plaintext"], opened["KeyId"]), (b"a secret", key["Arn"]))


@check("the same plaintext never gives the same ciphertext")
def _():
    key = new_key()
    blobs = {kms.encrypt(KeyId=key["KeyId"], Plaintext=b"again")["CiphertextBlob"] for _ in range(20)}
    same(len(blobs), 20)


@check("another context, none, a changed byte or a short blob is an invalid ciphertext, and no more is said")
def _():
    key = new_key()
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x", EncryptionContext=CONTEXT)["CiphertextBlob"]
    for context in (OTHER_CONTEXT, {}, {**CONTEXT, "more": "x"}):
        with refused("InvalidCiphertextException", ""):
            kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)
    changed = blob[:-1] + bytes([blob[-1] ^ 1])
    for bad in (changed, blob[:-1], blob[:5], b"\0" * 100, b"x"):
        with refused("InvalidCiphertextException", ""):
            kms.decrypt(CiphertextBlob=bad, EncryptionContext=CONTEXT, KeyId=key["KeyId"])


@check("naming another key than the one that encrypted is an incorrect key")
def _():
    key, other = new_key(), new_key()
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    text = "The key ID in the request does not identify a CMK that can perform this operation."
    with refused("IncorrectKeyException", text):
        kms.decrypt(CiphertextBlob=blob, KeyId=other["KeyId"])
    with refused("IncorrectKeyException", text):
        kms.re_encrypt(CiphertextBlob=blob, SourceKeyId=other["KeyId"], DestinationKeyId=other["KeyId"])


@check("4,096 bytes are encrypted and one more is refused without repeating them")
def _():
    key = new_key()
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"p" * 4096)["CiphertextBlob"]
    same(kms.decrypt(CiphertextBlob=blob)["Plaintext"], b"p" * 4096)
    with refused(
        "ValidationException",
        "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: "
        "Member must have length less than or equal to 4096",
    ):
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"p" * 4097)


@check("a data key seals a file here and is opened again there")
def _():
    key = new_key()
    made = kms.generate_data_key(KeyId=key["KeyId"], KeySpec="AES_256", EncryptionContext=CONTEXT)
    nonce = os.urandom(12)
    file = AESGCM(made["Plaintext"]).encrypt(nonce, b"contents of a file", None)
    opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)
    same((opened["Plaintext"], opened["KeyId"]), (made["Plaintext"], key["Arn"]))
    same(AESGCM(opened["Plaintext"]).decrypt(nonce, file, None), b"contents of a file")


@check("data keys have the length that was asked for")
def _():
    key = new_key()
    for asked, length in (({"KeySpec": "AES_128"}, 16), ({"KeySpec": "AES_256"}, 32), ({"NumberOfBytes": 1024}, 1024)):
        same(len(kms.generate_data_key(KeyId=key["KeyId"], **asked)["Plaintext"]), length)
    for asked in ({}, {"KeySpec": "AES_256", "NumberOfBytes": 32}):
        with refused("ValidationException", "Please specify either number of bytes or key spec."):
            kms.generate_data_key(KeyId=key["KeyId"], **asked)


@check("a data key without plaintext comes sealed only")
def _():
    key = new_key()
    made = kms.generate_data_key_without_plaintext(KeyId=key["KeyId"], NumberOfBytes=24)
    same("Plaintext" in made, False)
    same(len(kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"]), 24)


@check("a ciphertext moves to another key and context, and its plaintext stays inside")
def _():
    source, destination = new_key(), new_key()
    blob = kms.encrypt(KeyId=source["KeyId"], Plaintext=b"moves", EncryptionContext=CONTEXT)["CiphertextBlob"]
    moved = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceEncryptionContext=CONTEXT,
        DestinationKeyId=destination["KeyId"],
        DestinationEncryptionContext=OTHER_CONTEXT,
    )
    same((moved["SourceKeyId"], moved["KeyId"]), (source["Arn"], destination["Arn"]))
    same("Plaintext" in moved, False)
    opened = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext=OTHER_CONTEXT)
    same((opened["Plaintext"], opened["KeyId"]), (b"moves", destination["Arn"]))
    with refused("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext=CONTEXT)


@check("random bytes come in every length from 1 to 1,024, and never twice")
def _():
    for length in (1, 32, 1024):
        same(len(kms.generate_random(NumberOfBytes=length)["Plaintext"]), length)
    same(len({kms.generate_random(NumberOfBytes=32)["Plaintext"] for _ in range(20)}), 20)
    with refused(
        "ValidationException",
        "1 validation error detected: Value '1025' at 'numberOfBytes' failed to satisfy constraint: "
        "Member must have value less than or equal to 1024",
    ):
        kms.generate_random(NumberOfBytes=1025)


@check("a dry run says that it would have worked and changes nothing")
def _():
    key = new_key()
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    text = "The request would have succeeded, but the DryRun option is set."
    with refused("DryRunOperationException", text):
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x", DryRun=True)
    with refused("DryRunOperationException", text):
        kms.decrypt(CiphertextBlob=blob, DryRun=True)
    with refused("DryRunOperationException", text):
        kms.generate_data_key(KeyId=key["KeyId"], KeySpec="AES_256", DryRun=True)
    with refused("DryRunOperationException", text):
        kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key["KeyId"], DryRun=True)
    kms.disable_key(KeyId=key["KeyId"])
    with refused("DisabledException"):
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x", DryRun=True)


@check("eight threads share a client and every answer is theirs")
def _():
    key = new_key()

    def round_trip(number):
        text = f"message {number}".encode()
        blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=text, EncryptionContext={"n": str(number)})["CiphertextBlob"]
        return kms.decrypt(CiphertextBlob=blob, EncryptionContext={"n": str(number)})["Plaintext"] == text

    with ThreadPoolExecutor(8) as pool:
        same(set(pool.map(round_trip, range(200))), {True})


# Refusals -----------------------------------------------------------------------------------------


@check("a key that does not exist is not found, by id, ARN and alias")
def _():
    nobody = "12345678-1234-1234-1234-123456789012"
    for name in (nobody, key_arn(nobody)):
        with refused("NotFoundException", f"Key '{key_arn(nobody)}' does not exist"):
            kms.describe_key(KeyId=name)
    with refused("NotFoundException", f"Alias arn:aws:kms:eu-north-1:{ACCOUNT}:alias/nobody is not found."):
        kms.encrypt(KeyId="alias/nobody", Plaintext=b"x")
    with refused("NotFoundException", "Invalid keyId 'nonsense'"):
        kms.describe_key(KeyId="nonsense")


@check("the client raises its own exception types")
def _():
    try:
        kms.describe_key(KeyId="12345678-1234-1234-1234-123456789012")
        raise AssertionError("it was found")
    except kms.exceptions.NotFoundException as error:
        same(error.response["ResponseMetadata"]["HTTPStatusCode"], 400)
        same(str(uuid.UUID(error.response["ResponseMetadata"]["RequestId"])), error.response["ResponseMetadata"]["RequestId"])


@check("all violations of a request are told at once")
def _():
    try:
        kms.create_key(KeySpec="TIN", KeyUsage="HOARD")
        raise AssertionError("it was created")
    except kms.exceptions.ClientError as error:
        same(error.response["Error"]["Code"], "ValidationException")
        message = error.response["Error"]["Message"]
        assert message.startswith("2 validation errors detected: "), message
        for part in (
            "Value 'TIN' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [",
            "Value 'HOARD' at 'keyUsage' failed to satisfy constraint: Member must satisfy enum value set: [",
        ):
            assert part in message, message


@check("a wrong secret is an invalid signature")
def _():
    with refused("InvalidSignatureException"):
        client(secret="not the secret").list_keys()


@check("an unknown access key is an unrecognized client")
def _():
    with refused("UnrecognizedClientException", "The security token included in the request is invalid."):
        client(key="nobody").list_keys()


@check("accounts see nothing of each other")
def _():
    other = client(key=OTHER_ACCOUNT)
    mine = new_key()
    theirs = other.create_key()["KeyMetadata"]
    same(theirs["AWSAccountId"], OTHER_ACCOUNT)
    listed = [key["KeyId"] for page in other.get_paginator("list_keys").paginate() for key in page["Keys"]]
    same((theirs["KeyId"] in listed, mine["KeyId"] in listed), (True, False))
    with refused("NotFoundException"):
        other.describe_key(KeyId=mine["KeyId"])
    blob = kms.encrypt(KeyId=mine["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    with refused("AccessDeniedException"):
        other.decrypt(CiphertextBlob=blob)


@check("Regions see nothing of each other")
def _():
    south = client(region="ap-southeast-2")
    mine = new_key()
    theirs = south.create_key()["KeyMetadata"]
    same(theirs["Arn"], f"arn:aws:kms:ap-southeast-2:{ACCOUNT}:key/{theirs['KeyId']}")
    listed = [key["KeyId"] for page in south.get_paginator("list_keys").paginate() for key in page["Keys"]]
    same((theirs["KeyId"] in listed, mine["KeyId"] in listed), (True, False))
    with refused("NotFoundException", "Invalid arn eu-north-1"):
        south.describe_key(KeyId=mine["Arn"])
    blob = kms.encrypt(KeyId=mine["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    with refused("AccessDeniedException"):
        south.decrypt(CiphertextBlob=blob)


play()
