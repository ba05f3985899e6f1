"""Encryption, decryption, data keys, random bytes."""

import os
from concurrent.futures import ThreadPoolExecutor

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from checks import check, refused, same
from world import kms, new_key

CONTEXT = {"tenant": "örebro", "purpose": "story"}
OTHER_CONTEXT = {"tenant": "örebro", "purpose": "another story"}


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
