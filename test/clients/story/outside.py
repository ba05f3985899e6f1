"""Keys whose public half is out in the world: what `cryptography` makes of it, and it of what `cryptography` makes."""

import os

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from checks import check, refused, same
from world import kms, new_key

MESSAGE = b"to whom it may concern"
HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


def key_for(spec, usage):
    """The id of a new key, and its public half as `cryptography` has it."""
    key_id = new_key(KeySpec=spec, KeyUsage=usage)["KeyId"]
    return key_id, load_der_public_key(kms.get_public_key(KeyId=key_id)["PublicKey"])


def digest(algorithm, message):
    context = hashes.Hash(algorithm)
    context.update(message)
    return context.finalize()


def pss(algorithm):
    return padding.PSS(mgf=padding.MGF1(algorithm), salt_length=algorithm.digest_size)


def oaep(algorithm):
    return padding.OAEP(mgf=padding.MGF1(algorithm=algorithm), algorithm=algorithm, label=None)


@check("RSA signatures of every padding and hash verify outside, digest for digest")
def _():
    key_id, public = key_for("RSA_2048", "SIGN_VERIFY")
    for scheme, pad in (("PSS", pss), ("PKCS1_V1_5", lambda _: padding.PKCS1v15())):
        for size, algorithm in HASHES.items():
            name = f"RSASSA_{scheme}_SHA_{size}"
            hashed = digest(algorithm, MESSAGE)
            for kind, message in (("RAW", MESSAGE), ("DIGEST", hashed)):
                signed = kms.sign(KeyId=key_id, Message=message, MessageType=kind, SigningAlgorithm=name)
                public.verify(signed["Signature"], hashed, pad(algorithm), Prehashed(algorithm))


@check("ECDSA signatures of every curve verify outside")
def _():
    for spec, size in (
        ("ECC_NIST_P256", "256"),
        ("ECC_NIST_P384", "384"),
        ("ECC_NIST_P521", "512"),
        ("ECC_SECG_P256K1", "256"),
    ):
        key_id, public = key_for(spec, "SIGN_VERIFY")
        name = f"ECDSA_SHA_{size}"
        signed = kms.sign(KeyId=key_id, Message=MESSAGE, SigningAlgorithm=name)
        public.verify(signed["Signature"], MESSAGE, ec.ECDSA(HASHES[size]))


@check("Ed25519 signatures verify outside")
def _():
    key_id, public = key_for("ECC_NIST_EDWARDS25519", "SIGN_VERIFY")
    signed = kms.sign(KeyId=key_id, Message=MESSAGE, SigningAlgorithm="ED25519_SHA_512")
    public.verify(signed["Signature"], MESSAGE)


@check("ML-DSA signatures verify outside, over the message and over a mu computed outside")
def _():
    for size in ("44", "65", "87"):
        key_id, public = key_for(f"ML_DSA_{size}", "SIGN_VERIFY")
        hasher = mldsa.MLDSAMuHasher(public)
        hasher.update(MESSAGE)
        mu = hasher.finalize()
        for kind, message in (("RAW", MESSAGE), ("EXTERNAL_MU", mu)):
            signed = kms.sign(
                KeyId=key_id, Message=message, MessageType=kind, SigningAlgorithm="ML_DSA_SHAKE_256"
            )
            public.verify(signed["Signature"], MESSAGE)
            public.verify_mu(signed["Signature"], mu)
            try:
                public.verify(signed["Signature"], MESSAGE + b"!")
            except InvalidSignature:
                continue
            raise AssertionError("a signature over another message verified")


@check("what was encrypted outside with the public key, by either OAEP, is decrypted here")
def _():
    key_id, public = key_for("RSA_2048", "ENCRYPT_DECRYPT")
    for name, algorithm in (("SHA_1", hashes.SHA1()), ("SHA_256", hashes.SHA256())):
        sealed = public.encrypt(MESSAGE, oaep(algorithm))
        opened = kms.decrypt(KeyId=key_id, CiphertextBlob=sealed, EncryptionAlgorithm=f"RSAES_OAEP_{name}")
        same(opened["Plaintext"], MESSAGE)
        with refused("InvalidCiphertextException", ""):
            kms.decrypt(KeyId=key_id, CiphertextBlob=sealed[:-1], EncryptionAlgorithm=f"RSAES_OAEP_{name}")


@check("a secret agreed with a peer outside is the peer's, too")
def _():
    for spec, curve in (
        ("ECC_NIST_P256", ec.SECP256R1()),
        ("ECC_NIST_P384", ec.SECP384R1()),
        ("ECC_NIST_P521", ec.SECP521R1()),
    ):
        key_id, public = key_for(spec, "KEY_AGREEMENT")
        peer = ec.generate_private_key(curve)
        der = peer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        derived = kms.derive_shared_secret(KeyId=key_id, KeyAgreementAlgorithm="ECDH", PublicKey=der)
        same(derived["SharedSecret"], peer.exchange(ec.ECDH(), public))


@check("a secret encapsulated outside is decapsulated here")
def _():
    for size in ("768", "1024"):
        key_id, public = key_for(f"ML_KEM_{size}", "ENCAPSULATE_DECAPSULATE")
        secret, ciphertext = public.encapsulate()
        opened = kms.decapsulate(
            KeyId=key_id, EncapsulationAlgorithm="ML_KEM", SharedSecretCiphertextBlob=ciphertext
        )
        same(opened["SharedSecret"], secret)


@check("key pairs for use outside load there, and do what they are for")
def _():
    key_id = new_key()["KeyId"]
    for spec in ("RSA_2048", "ECC_NIST_P256", "ECC_NIST_P521", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519"):
        made = kms.generate_data_key_pair(KeyId=key_id, KeyPairSpec=spec)
        private = load_der_private_key(made["PrivateKeyPlaintext"], None)
        public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        same(public, made["PublicKey"])
        same(kms.decrypt(CiphertextBlob=made["PrivateKeyCiphertextBlob"])["Plaintext"], made["PrivateKeyPlaintext"])
        if spec == "RSA_2048":
            assert isinstance(private, rsa.RSAPrivateKey)


@check("ML-KEM key pairs load outside from their seed, and agree with their public half")
def _():
    key_id = new_key()["KeyId"]
    for size in ("768", "1024"):
        made = kms.generate_data_key_pair(KeyId=key_id, KeyPairSpec=f"ML_KEM_{size}")
        private = load_der_private_key(made["PrivateKeyPlaintext"], None)
        public = load_der_public_key(made["PublicKey"])
        secret, ciphertext = public.encapsulate()
        same(private.decapsulate(ciphertext), secret)


@check("a MAC is the same every time and another for every message")
def _():
    key_id = new_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyId"]
    about = {"KeyId": key_id, "MacAlgorithm": "HMAC_SHA_256"}
    mac = kms.generate_mac(Message=MESSAGE, **about)["Mac"]
    same(kms.generate_mac(Message=MESSAGE, **about)["Mac"], mac)
    same(kms.verify_mac(Message=MESSAGE, Mac=mac, **about)["MacValid"], True)
    with refused("KMSInvalidMacException", ""):
        kms.verify_mac(Message=os.urandom(8), Mac=mac, **about)


@check("a signature that is none is an error, not a False")
def _():
    key_id, _ = key_for("ECC_NIST_P256", "SIGN_VERIFY")
    with refused("KMSInvalidSignatureException", ""):
        kms.verify(KeyId=key_id, Message=MESSAGE, Signature=b"none", SigningAlgorithm="ECDSA_SHA_256")
