"""A program with a key in two Regions, one of which is lost, and comes back."""

from botocore.exceptions import ConnectionClosedError, EndpointConnectionError
from checks import check, play, refused, same
from room import administer, client

HOME, REFUGE = "us-east-1", "eu-west-1"
home, refuge = client(HOME), client(REFUGE)
known = {}


def unreachable(act):
    try:
        act()
    except (ConnectionClosedError, EndpointConnectionError):
        return
    raise AssertionError("somebody answered")


@check("a key is at home in one Region, and stands by in another")
def _():
    known["key"] = home.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    home.replicate_key(KeyId=known["key"], ReplicaRegion=REFUGE)
    known["record"] = home.encrypt(KeyId=known["key"], Plaintext=b"a record")["CiphertextBlob"]


@check("the home Region is lost, and nobody answers there")
def _():
    same([each["region"] for each in administer("regions", "POST", down=HOME)["lost"]], [HOME])
    unreachable(lambda: home.decrypt(CiphertextBlob=known["record"]))
    unreachable(lambda: home.list_keys())


@check("a program that tries again and again gives up in the end")
def _():
    unreachable(lambda: client(HOME, attempts=3).describe_key(KeyId=known["key"]))


@check("what was encrypted at home is read in the other Region")
def _():
    same(refuge.decrypt(CiphertextBlob=known["record"])["Plaintext"], b"a record")


@check("new records are written there")
def _():
    known["later"] = refuge.encrypt(KeyId=known["key"], Plaintext=b"a later record")["CiphertextBlob"]


@check("the replica does not become the primary key on its own")
def _():
    with refused("UnsupportedOperationException"):
        refuge.update_primary_region(KeyId=known["key"], PrimaryRegion=REFUGE)


@check("the home Region is back, and reads what was written elsewhere")
def _():
    administer("regions", "POST", up=HOME)
    same(home.decrypt(CiphertextBlob=known["later"])["Plaintext"], b"a later record")


@check("the primary key moves to the other Region, now that both are there")
def _():
    home.update_primary_region(KeyId=known["key"], PrimaryRegion=REFUGE)
    configuration = refuge.describe_key(KeyId=known["key"])["KeyMetadata"]["MultiRegionConfiguration"]
    same(configuration["MultiRegionKeyType"], "PRIMARY")


def material(kms):
    return kms.describe_key(KeyId=known["key"])["KeyMetadata"]["CurrentKeyMaterialId"]


@check("when home is lost once more, the primary key rotates as soon as it is back, and no sooner")
def _():
    administer("regions", "POST", down=HOME)
    known["first"] = material(refuge)
    refuge.rotate_key_on_demand(KeyId=known["key"])
    same(material(refuge), known["first"])
    assert "OnDemandRotationStartDate" in refuge.get_key_rotation_status(KeyId=known["key"])
    administer("regions", "POST", up=HOME)
    assert material(refuge) != known["first"]
    same(material(home), material(refuge))


@check("the primary key does not move to a Region that is lost")
def _():
    administer("regions", "POST", down=HOME)
    with refused("KMSInternalException"):
        refuge.update_primary_region(KeyId=known["key"], PrimaryRegion=HOME)
    administer("regions", "POST", up=HOME)
    refuge.update_primary_region(KeyId=known["key"], PrimaryRegion=HOME)


play()
