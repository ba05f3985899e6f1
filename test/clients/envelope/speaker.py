"""The AWS Encryption SDK for Python: a task in JSON on each line, an answer in JSON for it."""
import json
import logging
import sys
import time

import aws_encryption_sdk
from aws_encryption_sdk.caches.local import LocalCryptoMaterialsCache
from aws_encryption_sdk.identifiers import CommitmentPolicy
from aws_encryption_sdk.key_providers import kms
from aws_encryption_sdk.materials_managers.caching import CachingCryptoMaterialsManager
from aws_encryption_sdk.materials_managers.default import DefaultCryptoMaterialsManager

CLIENT = aws_encryption_sdk.EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
AGE = 60_000
logging.disable(logging.CRITICAL)


def provider(task):
    """The master keys that a task names, or whichever a message does."""
    keys, mrk = task.get("keys"), task.get("mrk")
    if keys:
        strict = kms.MRKAwareStrictAwsKmsMasterKeyProvider if mrk else kms.StrictAwsKmsMasterKeyProvider
        return strict(key_ids=keys)
    if mrk:
        return kms.MRKAwareDiscoveryAwsKmsMasterKeyProvider(discovery_region=task["region"])
    return kms.DiscoveryAwsKmsMasterKeyProvider()


def materials(task):
    """Where data keys come from: the KMS each time, or a cache."""
    cache = task.get("cache")
    if cache is None:
        return DefaultCryptoMaterialsManager(provider(task))
    limits = {"max_messages_encrypted": cache.get("messages"), "max_bytes_encrypted": cache.get("bytes")}
    return CachingCryptoMaterialsManager(
        master_key_provider=provider(task),
        cache=LocalCryptoMaterialsCache(100),
        max_age=cache.get("age", AGE) / 1000,
        **{name: limit for name, limit in limits.items() if limit is not None},
    )


def encrypt(task):
    manager = materials(task)
    for plaintext in task["all"]:
        context = task.get("context", {})
        message, _ = CLIENT.encrypt(
            source=bytes.fromhex(plaintext), materials_manager=manager, encryption_context=dict(context)
        )
        yield message.hex()
        time.sleep(task["pause"] / 1000)


def decrypt(task):
    manager = materials(task)
    for message in task["all"]:
        plaintext, _ = CLIENT.decrypt(source=bytes.fromhex(message), materials_manager=manager)
        yield plaintext.hex()


VERBS = {"encrypt": encrypt, "decrypt": decrypt}


def main():
    for line in sys.stdin:
        task = json.loads(line)
        try:
            answer = {"all": list(VERBS[task["verb"]](task))}
        except Exception as problem:  # whatever the SDK raises is an answer
            answer = {"error": f"{type(problem).__name__}: {problem}"}
        print(json.dumps(answer), flush=True)


main()
