"""What is refused, in whose words, and what others may not see."""

import uuid

from checks import check, refused, same
from world import OTHER_ACCOUNT, arn, client, kms, new_key


@check("a key that does not exist is not found, by id, ARN and alias")
def _():
    nobody = "12345678-1234-1234-1234-123456789012"
    for name in (nobody, arn(f'key/{nobody}')):
        with refused("NotFoundException", f"Key '{arn(f'key/{nobody}')}' does not exist"):
            kms.describe_key(KeyId=name)
    with refused("NotFoundException", f"Alias {arn('alias/nobody')} is not found."):
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
    same(theirs["Arn"], arn(f"key/{theirs['KeyId']}", "ap-southeast-2"))
    listed = [key["KeyId"] for page in south.get_paginator("list_keys").paginate() for key in page["Keys"]]
    same((theirs["KeyId"] in listed, mine["KeyId"] in listed), (True, False))
    with refused("NotFoundException", "Invalid arn eu-north-1"):
        south.describe_key(KeyId=mine["Arn"])
    blob = kms.encrypt(KeyId=mine["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    with refused("AccessDeniedException"):
        south.decrypt(CiphertextBlob=blob)
