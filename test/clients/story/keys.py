"""Keys from birth to deletion."""

import uuid
from datetime import datetime, timedelta, timezone

from checks import check, refused, same
from world import ACCOUNT, arn, kms, new_key


@check("a new key is symmetric, enabled and ours")
def _():
    key = new_key(Description="of the story")
    same(key["Arn"], arn(f"key/{key['KeyId']}"))
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
    alias_arn = arn(alias)
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


@check("a key spec that only Regions in China have is unsupported in any other")
def _():
    with refused("UnsupportedOperationException"):
        kms.create_key(KeySpec="SM2", KeyUsage="SIGN_VERIFY")
