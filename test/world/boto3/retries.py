"""Faults on cue, and how a program on boto3 takes them."""

from botocore.exceptions import ClientError, ConnectionClosedError
from checks import check, play, refused, same
from room import administer, client

kms = client()
patient = client(attempts=3)
key = kms.create_key()["KeyMetadata"]["KeyId"]
other = kms.create_key()["KeyMetadata"]["KeyId"]


def faults(*wanted):
    administer("faults", "DELETE")
    for fault in wanted:
        administer("faults", "POST", **fault)


def hits():
    return [fault["hits"] for fault in administer("faults")["faults"]]


for error in [
    "ThrottlingException",
    "KMSInternalException",
    "DependencyTimeoutException",
    "KeyUnavailableException",
]:

    @check(f"{error} twice is survived by three attempts")
    def _(error=error):
        faults({"operation": "Encrypt", "error": error, "times": 2})
        answer = patient.encrypt(KeyId=key, Plaintext=b"x")
        same(answer["ResponseMetadata"]["RetryAttempts"], 2)
        same(hits(), [])

    @check(f"{error} three times is not, and is told by its name")
    def _(error=error):
        faults({"operation": "Encrypt", "error": error, "times": 3})
        with refused(error):
            patient.encrypt(KeyId=key, Plaintext=b"x")
        same(patient.encrypt(KeyId=key, Plaintext=b"x")["ResponseMetadata"]["RetryAttempts"], 0)


@check("an error that no retry mends is told at once")
def _():
    faults({"error": "DisabledException"})
    with refused("DisabledException"):
        patient.encrypt(KeyId=key, Plaintext=b"x")
    same(hits(), [1])


@check("a connection that breaks twice is survived by three attempts, and not by one")
def _():
    faults({"key": key, "drop": True, "times": 2})
    same(patient.encrypt(KeyId=key, Plaintext=b"x")["ResponseMetadata"]["RetryAttempts"], 2)
    faults({"key": key, "drop": True})
    try:
        kms.encrypt(KeyId=key, Plaintext=b"x")
    except ConnectionClosedError:
        return
    raise AssertionError("somebody answered")


@check("only the key that is meant is struck")
def _():
    faults({"key": key, "error": "KMSInternalException"})
    kms.encrypt(KeyId=other, Plaintext=b"x")
    with refused("KMSInternalException"):
        kms.encrypt(KeyId=key, Plaintext=b"x")


@check("the HSM's fault is the service's, and retried as well")
def _():
    faults({"backend": "hsm", "times": 2})
    same(patient.generate_data_key(KeyId=key, KeySpec="AES_256")["ResponseMetadata"]["RetryAttempts"], 2)


@check("of faults that come by chance some strike and some do not")
def _():
    faults({"operation": "GenerateRandom", "error": "ThrottlingException", "probability": 0.5, "seed": 7})
    struck = 0
    for _ in range(40):
        try:
            kms.generate_random(NumberOfBytes=1)
        except ClientError:
            struck += 1
    assert 8 < struck < 32, struck
    same(hits(), [struck])


@check("without faults all is as it was")
def _():
    faults()
    same(patient.encrypt(KeyId=key, Plaintext=b"x")["ResponseMetadata"]["RetryAttempts"], 0)


play()
