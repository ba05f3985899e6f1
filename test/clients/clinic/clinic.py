"""A clinic keeps its keys: three of them, roles that may and may not use them, a partner for a day, an auditor who sees it all.

Everything is set up and done through unchanged clients (IAM, STS, KMS, CloudTrail of boto3), each step checked. Prints a line of
JSON for each, and at last how many there were. Run by clinic.test.ts against a served process.
"""

import json
import os

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

URL = os.environ["AWS_ENDPOINT_URL_KMS"]
CLINIC, PARTNER, REGION = "000000000000", "000000000002", "eu-north-1"
told = 0


def client(service, credentials=None, key="test"):
    credentials = credentials or {"AccessKeyId": key, "SecretAccessKey": "test"}
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=URL,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials.get("SessionToken"),
        config=Config(retries={"total_max_attempts": 1}),
    )


def step(name, ok, why=""):
    global told
    told += 1
    print(json.dumps({"name": name, "ok": bool(ok), "error": str(why)}), flush=True)


def refusal(act):
    try:
        act()
    except ClientError as error:
        return f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"
    return "nothing was refused"


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, **more):
    return {"Effect": "Allow", "Action": action, "Resource": "*", **more}


iam, kms, sts = client("iam"), client("kms"), client("sts")
root = f"arn:aws:iam::{CLINIC}:root"
trust = policy({"Effect": "Allow", "Principal": {"AWS": root}, "Action": "sts:AssumeRole"})

# Whoever starts sessions is a user: a root cannot.
iam.create_user(UserName="gatekeeper")
iam.put_user_policy(UserName="gatekeeper", PolicyName="open", PolicyDocument=policy(allow("sts:AssumeRole")))
gate = iam.create_access_key(UserName="gatekeeper")["AccessKey"]
gatekeeper = client("sts", gate)


def session(role, account=CLINIC):
    arn = f"arn:aws:iam::{account}:role/{role}"
    return gatekeeper.assume_role(RoleArn=arn, RoleSessionName=f"{role}-shift")["Credentials"]


for role in ("application", "developer", "auditor"):
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust)
iam.put_role_policy(
    RoleName="auditor", PolicyName="look", PolicyDocument=policy(allow(["cloudtrail:LookupEvents", "kms:Describe*", "kms:List*"]))
)
iam.attach_role_policy(RoleName="developer", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")

administers = allow(["kms:Create*", "kms:Describe*", "kms:Put*", "kms:Get*", "kms:List*", "kms:Revoke*"], Principal={"AWS": root})
uses = allow(
    ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*", "kms:DescribeKey"],
    Principal={"AWS": f"arn:aws:iam::{CLINIC}:role/application"},
)
keys = {}
for store in ("volumes", "buckets", "databases"):
    made = kms.create_key(Description=f"for {store}", Policy=policy({"Sid": "Administer", **administers}, {"Sid": "Use", **uses}))
    keys[store] = made["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName=f"alias/{store}", TargetKeyId=keys[store])
step("there are three keys, each with a name", len(set(keys.values())) == 3)

application, developer = client("kms", session("application")), client("kms", session("developer"))
record = {"patient": "4711", "department": "radiology"}
blobs = {
    store: application.encrypt(KeyId=f"alias/{store}", Plaintext=store.encode(), EncryptionContext=record)["CiphertextBlob"]
    for store in keys
}
read = [application.decrypt(CiphertextBlob=blob, EncryptionContext=record)["Plaintext"].decode() for blob in blobs.values()]
step("the application writes and reads under each", read == list(keys), read)

denied = refusal(lambda: developer.decrypt(KeyId=keys["databases"], CiphertextBlob=blobs["databases"], EncryptionContext=record))
who = f"arn:aws:sts::{CLINIC}:assumed-role/developer/developer-shift"
why = f"is not authorized to perform: kms:Decrypt on resource: {keys['databases']} because no resource-based policy allows the kms:Decrypt action"
step("a developer cannot read, and hears it in AWS's words", denied == f"AccessDeniedException: User: {who} {why}", denied)

hidden = refusal(lambda: developer.decrypt(CiphertextBlob=blobs["databases"], EncryptionContext=record))
step("nor is a developer told whose ciphertext it is", "does not exist, does not exist in this region, or you are not allowed" in hidden, hidden)

owner = refusal(lambda: kms.decrypt(KeyId=keys["volumes"], CiphertextBlob=blobs["volumes"], EncryptionContext=record))
step("not even the root of the account reads what the key leaves to the application", owner.startswith("AccessDeniedException"), owner)

# The partner: an account of its own, whose own administrator lets its reader use keys of others.
there = client("iam", key=PARTNER)
there.create_user(UserName="reader")
reading = client("kms", there.create_access_key(UserName="reader")["AccessKey"])
ask = lambda: reading.decrypt(KeyId=keys["buckets"], CiphertextBlob=blobs["buckets"], EncryptionContext=record)["Plaintext"]
early = refusal(ask)
step("the partner cannot read before it is let", early.startswith("AccessDeniedException"), early)

granted = kms.create_grant(
    KeyId=keys["buckets"],
    GranteePrincipal=f"arn:aws:iam::{PARTNER}:user/reader",
    Operations=["Decrypt"],
    Constraints={"EncryptionContextSubset": {"department": "radiology"}},
)
one_sided = refusal(ask)
step("a grant alone is one side; the partner's own account has to allow it, too", one_sided.startswith("AccessDeniedException"), one_sided)
there.put_user_policy(UserName="reader", PolicyName="abroad", PolicyDocument=policy(allow("kms:Decrypt")))
step("with both sides the partner reads", ask() == b"buckets")
other = refusal(lambda: reading.decrypt(KeyId=keys["volumes"], CiphertextBlob=blobs["volumes"], EncryptionContext=record))
step("the partner reads nothing else", other.startswith("AccessDeniedException"), other)
kms.revoke_grant(KeyId=keys["buckets"], GrantId=granted["GrantId"])
late = refusal(ask)
step("and nothing any more once the grant is revoked", late.startswith("AccessDeniedException"), late)

iam.delete_role_policy(RoleName="auditor", PolicyName="look")
blind = session("auditor")
trail = client("cloudtrail", blind)
unseen = refusal(lambda: trail.lookup_events())
step("an auditor without leave sees nothing", "cloudtrail:LookupEvents" in unseen, unseen)
iam.put_role_policy(RoleName="auditor", PolicyName="look", PolicyDocument=policy(allow("cloudtrail:LookupEvents")))


def events(name, key):
    pages = trail.get_paginator("lookup_events").paginate(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}], PaginationConfig={"PageSize": 5}
    )
    found = [json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"]]
    return [event for event in found if any(each["ARN"] == key for each in event.get("resources") or [])]


tries = events("Decrypt", keys["databases"])
outcomes = sorted((event["userIdentity"]["arn"].split("/")[1], event.get("errorCode", "ok")) for event in tries)
step("the auditor sees who read from the databases, and who tried", outcomes == [("application", "ok"), ("developer", "AccessDenied"), ("developer", "AccessDenied")], outcomes)
first = next(event for event in tries if event.get("errorCode") is None)
step("with the patient, and never what was read", first["requestParameters"]["encryptionContext"] == record and "databases" not in json.dumps(first["requestParameters"].get("plaintext", "")), first)
step("and from a session of which role", first["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] == "application", first["userIdentity"])
partner = [event for event in events("Decrypt", keys["buckets"]) if event["userIdentity"]["accountId"] == PARTNER]
step("the partner's use is in the clinic's trail, its refusals are not", len(partner) == 1 and "errorCode" not in partner[0], partner)
shared = partner[0].get("sharedEventID")
step("under an id that both accounts share", bool(shared), partner)

print(json.dumps({"played": told}))
