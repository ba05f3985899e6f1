"""What a program on boto3 does with keys that are in a PKCS#11 token: before the server is killed, and after.

Run by token.test.ts, which says which act it is (`ACT`), where to keep in between what is to be found again (`STATE`), and by how many
days the server's clock is ahead (`AHEAD`). Prints a line of JSON for each step, and at last how many there were.
"""

import json
import os
from datetime import timedelta

import boto3
import botocore.auth
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_public_key,
)

MESSAGE = b"attack at dawn"
CONTEXT = {"table": "orders"}
SHA256 = hashes.SHA256()
PSS = padding.PSS(mgf=padding.MGF1(SHA256), salt_length=32)
OAEP = padding.OAEP(mgf=padding.MGF1(SHA256), algorithm=SHA256, label=None)
SHA1 = hashes.SHA1()  # noqa: S303 - one of the ways there are to wrap what comes in
OAEP_SHA_1 = padding.OAEP(mgf=padding.MGF1(SHA1), algorithm=SHA1, label=None)

if "AHEAD" in os.environ:
    # A client signs by its machine's clock, which would be ahead as well.
    machine = botocore.auth.get_current_datetime
    botocore.auth.get_current_datetime = lambda *given: machine(*given) + timedelta(days=int(os.environ["AHEAD"]))

kms = boto3.client("kms", config=Config(retries={"total_max_attempts": 1}))
told = 0


def step(name, act):
    global told
    told += 1
    try:
        ok, error = act(), "it is not so"
    except Exception as problem:  # noqa: BLE001 - a step that breaks is told, and the next one follows
        ok, error = False, repr(problem)
    print(json.dumps({"name": name, "ok": bool(ok), "error": str(error)}), flush=True)


def refused(code, act):
    try:
        act()
    except ClientError as error:
        return error.response["Error"]["Code"] == code
    return False


def key(**options):
    return kms.create_key(**options)["KeyMetadata"]["KeyId"]


def plaintext(blob, **more):
    return kms.decrypt(CiphertextBlob=blob, **more)["Plaintext"]


def public(key_id):
    return load_der_public_key(kms.get_public_key(KeyId=key_id)["PublicKey"])


def verified(key_id, signature, *how):
    try:
        public(key_id).verify(signature, MESSAGE, *how)
        return True
    except InvalidSignature:
        return False


def bring(key_id, material, algorithm):
    asked = {"KeyId": key_id, "WrappingAlgorithm": algorithm, "WrappingKeySpec": "RSA_2048"}
    parameters = kms.get_parameters_for_import(**asked)
    wrapping = load_der_public_key(parameters["PublicKey"])
    if algorithm.startswith("RSA_AES"):
        inner = os.urandom(32)
        parcel = wrapping.encrypt(inner, OAEP) + aes_key_wrap_with_padding(inner, material)
    else:
        parcel = wrapping.encrypt(material, OAEP_SHA_1 if algorithm.endswith("SHA_1") else OAEP)
    kms.import_key_material(
        KeyId=key_id,
        ImportToken=parameters["ImportToken"],
        EncryptedKeyMaterial=parcel,
        ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE",
    )
    return True


def before():
    state = {}
    blobs = {}
    keys = state["keys"] = {
        "plain": key(),
        "gone": key(),
        "rsa": key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY"),
        "ec": key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY"),
        "open": key(KeySpec="RSA_3072", KeyUsage="ENCRYPT_DECRYPT"),
        "hmac": key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC"),
        "outside": key(Origin="EXTERNAL"),
    }
    plain = keys["plain"]

    def roundtrip():
        blobs["old"] = kms.encrypt(KeyId=plain, Plaintext=MESSAGE, EncryptionContext=CONTEXT)["CiphertextBlob"]
        return plaintext(blobs["old"], EncryptionContext=CONTEXT) == MESSAGE

    def another_context():
        return refused("InvalidCiphertextException", lambda: plaintext(blobs["old"]))

    def rotation():
        kms.rotate_key_on_demand(KeyId=plain)
        blobs["new"] = kms.encrypt(KeyId=plain, Plaintext=MESSAGE, EncryptionContext=CONTEXT)["CiphertextBlob"]
        return all(plaintext(blobs[name], EncryptionContext=CONTEXT) == MESSAGE for name in ("old", "new"))

    def data_key():
        made = kms.generate_data_key(KeyId=plain, KeySpec="AES_256")
        blobs["data"] = made["CiphertextBlob"]
        state["data"] = made["Plaintext"].hex()
        return plaintext(blobs["data"]) == made["Plaintext"] and len(made["Plaintext"]) == 32

    def signing(name, algorithm, *how):
        def act():
            key_id = keys[name]
            signature = kms.sign(KeyId=key_id, Message=MESSAGE, SigningAlgorithm=algorithm)["Signature"]
            state[name] = signature.hex()
            return verified(key_id, signature, *how) and not verified(key_id, signature[:-1] + b"\0", *how)

        return act

    def encrypted_outside():
        blob = public(keys["open"]).encrypt(MESSAGE, OAEP)
        return plaintext(blob, KeyId=keys["open"], EncryptionAlgorithm="RSAES_OAEP_SHA_256") == MESSAGE

    def mac():
        asked = {"KeyId": keys["hmac"], "Message": MESSAGE, "MacAlgorithm": "HMAC_SHA_256"}
        state["mac"] = kms.generate_mac(**asked)["Mac"].hex()
        return kms.verify_mac(**asked, Mac=bytes.fromhex(state["mac"]))["MacValid"]

    def imported():
        bring(keys["outside"], b"7" * 32, "RSAES_OAEP_SHA_256")
        blobs["outside"] = kms.encrypt(KeyId=keys["outside"], Plaintext=MESSAGE)["CiphertextBlob"]
        return plaintext(blobs["outside"]) == MESSAGE

    def imported_pair():
        pair = ec.generate_private_key(ec.SECP256R1())
        material = pair.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        foreign = key(Origin="EXTERNAL", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        bring(foreign, material, "RSA_AES_KEY_WRAP_SHA_256")
        signature = kms.sign(KeyId=foreign, Message=MESSAGE, SigningAlgorithm="ECDSA_SHA_256")["Signature"]
        pair.public_key().verify(signature, MESSAGE, ec.ECDSA(SHA256))
        return public(foreign) == pair.public_key()

    def doomed():
        blobs["gone"] = kms.encrypt(KeyId=keys["gone"], Plaintext=MESSAGE)["CiphertextBlob"]
        kms.schedule_key_deletion(KeyId=keys["gone"], PendingWindowInDays=7)
        return refused("KMSInvalidStateException", lambda: plaintext(blobs["gone"]))

    def impossible():
        return refused("UnsupportedOperationException", lambda: key(KeySpec="ML_DSA_44", KeyUsage="SIGN_VERIFY"))

    step("a key in the token encrypts and decrypts", roundtrip)
    step("and under its own encryption context alone", another_context)
    step("it rotates, and knows what it encrypted before", rotation)
    step("it makes data keys", data_key)
    step("an RSA key signs what cryptography verifies", signing("rsa", "RSASSA_PSS_SHA_256", PSS, SHA256))
    step("a key on a curve signs what cryptography verifies", signing("ec", "ECDSA_SHA_256", ec.ECDSA(SHA256)))
    step("an RSA key decrypts what cryptography encrypted", encrypted_outside)
    step("an HMAC key vouches for a message", mac)
    step("material comes in from outside", imported)
    step("and so does a private key, wrapped in two layers", imported_pair)
    step("a key waits for its deletion, and decrypts nothing", doomed)
    step("what the token has no keys for is refused as AWS would", impossible)
    state["blobs"] = {name: blob.hex() for name, blob in blobs.items()}
    with open(os.environ["STATE"], "w") as file:
        json.dump(state, file)


def after():
    with open(os.environ["STATE"]) as file:
        state = json.load(file)
    keys = state["keys"]
    blobs = {name: bytes.fromhex(blob) for name, blob in state["blobs"].items()}

    def deciphers(name):
        return lambda: plaintext(blobs[name], EncryptionContext=CONTEXT) == MESSAGE

    def data_key():
        return plaintext(blobs["data"]).hex() == state["data"]

    def same_mac():
        asked = {"KeyId": keys["hmac"], "Message": MESSAGE, "MacAlgorithm": "HMAC_SHA_256"}
        return kms.generate_mac(**asked)["Mac"].hex() == state["mac"]

    def signed(name, *how):
        return lambda: verified(keys[name], bytes.fromhex(state[name]), *how)

    def reimported():
        lost = keys["outside"]
        kms.delete_imported_key_material(KeyId=lost)
        pending = refused("KMSInvalidStateException", lambda: plaintext(blobs["outside"]))
        bring(lost, b"7" * 32, "RSAES_OAEP_SHA_1")
        return pending and plaintext(blobs["outside"]) == MESSAGE

    def other_material():
        other = key(Origin="EXTERNAL")
        bring(other, b"8" * 32, "RSAES_OAEP_SHA_256")
        kms.delete_imported_key_material(KeyId=other)
        return refused("IncorrectKeyMaterialException", lambda: bring(other, b"9" * 32, "RSAES_OAEP_SHA_256"))

    def waiting():
        return kms.describe_key(KeyId=keys["gone"])["KeyMetadata"]["KeyState"] == "PendingDeletion"

    step("after the kill, the old material decrypts", deciphers("old"))
    step("and the new one", deciphers("new"))
    step("a data key opens", data_key)
    step("the HMAC key says the same", same_mac)
    step("the RSA key is the one that signed", signed("rsa", PSS, SHA256))
    step("and so is that on the curve", signed("ec", ec.ECDSA(SHA256)))
    step("material that was deleted comes in again, wrapped in another way", reimported)
    step("and no other material in its place", other_material)
    step("the key that was to be deleted still waits", waiting)


def later():
    with open(os.environ["STATE"]) as file:
        state = json.load(file)
    keys = state["keys"]

    def gone():
        return refused("NotFoundException", lambda: kms.describe_key(KeyId=keys["gone"]))

    def lost():
        blob = bytes.fromhex(state["blobs"]["gone"])
        return refused("AccessDeniedException", lambda: plaintext(blob))

    def others():
        return plaintext(bytes.fromhex(state["blobs"]["new"]), EncryptionContext=CONTEXT) == MESSAGE

    step("when its days are over, the key is not there", gone)
    step("and what it encrypted is lost", lost)
    step("and nothing else is", others)


{"before": before, "after": after, "later": later}[os.environ["ACT"]]()
print(json.dumps({"played": told}))
