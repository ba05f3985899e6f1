"""What a program on boto3 does with EBS, and what it is refused. Run by clients.test.ts against a served process."""

import os
import pathlib
import sys

import boto3
from botocore.config import Config

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent.parent / "clients" / "story"))
from checks import check, play, refused, same  # noqa: E402

REGION = os.environ["AWS_DEFAULT_REGION"]
ZONE = f"{REGION}a"
INSTANCE = "i-0123456789abcdef0"


def client(key="test", secret="test", region=REGION):
    keys = {"aws_access_key_id": key, "aws_secret_access_key": secret}
    config = Config(retries={"total_max_attempts": 1})
    return boto3.client("ec2", region_name=region, config=config, **keys)


ec2 = client()
kms = boto3.client("kms")


def created(**options):
    volume = ec2.create_volume(AvailabilityZone=ZONE, **{"Size": 1, **options})
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume["VolumeId"]])
    return volume


@check("a volume is made, waited for, shown and deleted")
def lifecycle():
    tags = [{"Key": "team", "Value": "blå & gul"}]
    made = created(Encrypted=True, TagSpecifications=[{"ResourceType": "volume", "Tags": tags}])
    filters = [{"Name": "tag:team", "Values": ["blå*", "none"]}, {"Name": "encrypted", "Values": ["true"]}]
    shown = ec2.describe_volumes(Filters=filters)["Volumes"]
    same([it["VolumeId"] for it in shown], [made["VolumeId"]])
    same(shown[0]["Tags"], tags)
    same(shown[0]["Size"], 1)
    same(shown[0]["Encrypted"], True)
    same(shown[0]["CreateTime"].tzinfo is not None, True)
    ec2.delete_volume(VolumeId=made["VolumeId"])
    ec2.get_waiter("volume_deleted").wait(VolumeIds=[made["VolumeId"]])


@check("a volume is attached and detached, and waited for")
def attachment():
    volume = created(Encrypted=True)["VolumeId"]
    attached = ec2.attach_volume(VolumeId=volume, InstanceId=INSTANCE, Device="/dev/sdf")
    same((attached["State"], attached["Device"]), ("attached", "/dev/sdf"))
    ec2.get_waiter("volume_in_use").wait(VolumeIds=[volume])
    with refused("VolumeInUse"):
        ec2.delete_volume(VolumeId=volume)
    same(ec2.detach_volume(VolumeId=volume)["State"], "detached")
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume])


@check("a snapshot is waited for, copied under another key, and shared")
def snapshots():
    key = kms.create_key()["KeyMetadata"]["Arn"]
    volume = created(Encrypted=True)["VolumeId"]
    snapshot = ec2.create_snapshot(VolumeId=volume, Description="nightly")["SnapshotId"]
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot])
    copy = ec2.copy_snapshot(SourceRegion=REGION, SourceSnapshotId=snapshot, KmsKeyId=key, Encrypted=True)["SnapshotId"]
    same(ec2.describe_snapshots(SnapshotIds=[copy])["Snapshots"][0]["KmsKeyId"], key)
    sharing = {"Attribute": "createVolumePermission", "OperationType": "add", "UserIds": ["000000000002"]}
    with refused("OperationNotPermitted"):
        ec2.modify_snapshot_attribute(SnapshotId=snapshot, **sharing)
    ec2.modify_snapshot_attribute(SnapshotId=copy, **sharing)
    told = ec2.describe_snapshot_attribute(SnapshotId=copy, Attribute="createVolumePermission")
    same(told["CreateVolumePermissions"], [{"UserId": "000000000002"}])
    seen = client("000000000002").describe_snapshots(OwnerIds=["000000000000"])["Snapshots"]
    same([it["SnapshotId"] for it in seen], [copy])
    same(len(ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]), 2)
    ec2.delete_snapshot(SnapshotId=copy)
    ec2.delete_snapshot(SnapshotId=snapshot)


@check("pages are walked by the paginator")
def pages():
    for _ in range(6):
        created()
    pages = list(ec2.get_paginator("describe_volumes").paginate(PaginationConfig={"PageSize": 5}))
    same(len(pages) > 1, True)
    ids = [it["VolumeId"] for page in pages for it in page["Volumes"]]
    same(len(ids), len(set(ids)))


@check("encryption by default is turned on and off, under a key of one's own")
def defaults():
    away = client(region="eu-west-1")
    key = boto3.client("kms", region_name="eu-west-1").create_key()["KeyMetadata"]["Arn"]
    same(away.get_ebs_encryption_by_default()["EbsEncryptionByDefault"], False)
    same(away.enable_ebs_encryption_by_default()["EbsEncryptionByDefault"], True)
    same(away.modify_ebs_default_kms_key_id(KmsKeyId=key)["KmsKeyId"], key)
    same(away.create_volume(AvailabilityZone="eu-west-1a", Size=1)["KmsKeyId"], key)
    same(away.reset_ebs_default_kms_key_id()["KmsKeyId"], "alias/aws/ebs")
    same(away.get_ebs_default_kms_key_id()["KmsKeyId"], "alias/aws/ebs")
    same(away.disable_ebs_encryption_by_default()["EbsEncryptionByDefault"], False)


@check("what is not there, not allowed, not signed or not known is refused by EC2's names")
def refusals():
    with refused("InvalidVolume.NotFound", "The volume 'vol-01234567' does not exist."):
        ec2.describe_volumes(VolumeIds=["vol-01234567"])
    with refused("DryRunOperation"):
        ec2.create_volume(AvailabilityZone=ZONE, Size=1, DryRun=True)
    with refused("MissingParameter"):
        ec2.create_volume(Size=1)
    with refused("AuthFailure"):
        client("AKIANOBODY").describe_volumes()
    with refused("SignatureDoesNotMatch"):
        client("test", "wrong").describe_volumes()
    with refused("InvalidAction"):
        ec2.describe_vpcs()


@check("a key that is disabled lets no volume in")
def disabled():
    key = kms.create_key()["KeyMetadata"]["Arn"]
    volume = created(Encrypted=True, KmsKeyId=key)["VolumeId"]
    kms.disable_key(KeyId=key)
    why = f"The encrypted volume was unable to access the KMS key. Client.InvalidKMSKey.InvalidState: {key} is disabled."
    with refused("CustomerKeyHasBeenRevoked", f"Volume {volume} cannot be attached. {why}"):
        ec2.attach_volume(VolumeId=volume, InstanceId=INSTANCE, Device="/dev/sdf")


play()
