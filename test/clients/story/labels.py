"""What is attached to a key: aliases, tags, its policy."""

import json

from checks import check, refused, same
from world import ACCOUNT, kms, new_key


@check("an alias is made, moved to another key and removed")
def _():
    first, second = new_key(), new_key()
    alias = f"alias/moves-{first['KeyId']}"
    kms.create_alias(AliasName=alias, TargetKeyId=first["KeyId"])
    same(kms.encrypt(KeyId=alias, Plaintext=b"x")["KeyId"], first["Arn"])
    kms.update_alias(AliasName=alias, TargetKeyId=second["Arn"])
    same(kms.encrypt(KeyId=alias, Plaintext=b"x")["KeyId"], second["Arn"])
    same([a["AliasName"] for a in kms.list_aliases(KeyId=second["KeyId"])["Aliases"]], [alias])
    same(kms.list_aliases(KeyId=first["KeyId"])["Aliases"], [])
    kms.delete_alias(AliasName=alias)
    with refused("NotFoundException"):
        kms.describe_key(KeyId=alias)


@check("a paginator walks all aliases over several pages")
def _():
    key = new_key()
    names = {f"alias/page-{index}-{key['KeyId']}" for index in range(5)}
    for name in names:
        kms.create_alias(AliasName=name, TargetKeyId=key["KeyId"])
    paginator = kms.get_paginator("list_aliases")
    pages = list(paginator.paginate(KeyId=key["KeyId"], PaginationConfig={"PageSize": 2}))
    assert len(pages) >= 3, f"{len(pages)} pages"
    aliases = [alias for page in pages for alias in page["Aliases"]]
    same(sorted(alias["AliasName"] for alias in aliases), sorted(names))
    same({alias["TargetKeyId"] for alias in aliases}, {key["KeyId"]})


@check("an alias that is taken, reserved or not an alias is refused")
def _():
    key = new_key()
    alias = f"alias/taken-{key['KeyId']}"
    kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    with refused("AlreadyExistsException"):
        kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    with refused("NotAuthorizedException"):
        kms.create_alias(AliasName="alias/aws/ours", TargetKeyId=key["KeyId"])
    with refused("ValidationException"):
        kms.create_alias(AliasName="without-prefix", TargetKeyId=key["KeyId"])
    with refused("NotFoundException"):
        kms.delete_alias(AliasName=f"alias/never-made-{key['KeyId']}")


@check("tags are added, replaced, paged and removed")
def _():
    key = new_key(Tags=[{"TagKey": "team", "TagValue": "blue"}])
    more = [{"TagKey": f"n{index}", "TagValue": str(index)} for index in range(4)]
    kms.tag_resource(KeyId=key["KeyId"], Tags=[{"TagKey": "team", "TagValue": "green"}, *more])
    paginator = kms.get_paginator("list_resource_tags")
    pages = list(paginator.paginate(KeyId=key["KeyId"], PaginationConfig={"PageSize": 2}))
    assert len(pages) >= 3, f"{len(pages)} pages"
    tags = {tag["TagKey"]: tag["TagValue"] for page in pages for tag in page["Tags"]}
    same(tags, {"team": "green", "n0": "0", "n1": "1", "n2": "2", "n3": "3"})
    kms.untag_resource(KeyId=key["KeyId"], TagKeys=["team", "n0", "n1", "n2"])
    same(kms.list_resource_tags(KeyId=key["KeyId"])["Tags"], [{"TagKey": "n3", "TagValue": "3"}])


@check("tags AWS reserves, repeats or more than fifty are refused")
def _():
    key = new_key()
    with refused("TagException"):
        kms.tag_resource(KeyId=key["KeyId"], Tags=[{"TagKey": "aws:ours", "TagValue": ""}])
    with refused("TagException"):
        kms.tag_resource(KeyId=key["KeyId"], Tags=[{"TagKey": "a", "TagValue": "1"}, {"TagKey": "a", "TagValue": "2"}])
    with refused("TagException"):
        kms.tag_resource(KeyId=key["KeyId"], Tags=[{"TagKey": f"t{n}", "TagValue": ""} for n in range(51)])


@check("a key policy is there from the start, is replaced and is listed")
def _():
    key = new_key()
    root = f"arn:aws:iam::{ACCOUNT}:root"
    before = kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")
    assert root in before["Policy"], before["Policy"]
    policy = json.dumps({**json.loads(before["Policy"]), "Id": "of the story"})
    kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=policy)
    same(kms.get_key_policy(KeyId=key["KeyId"])["Policy"], policy)
    same(kms.list_key_policies(KeyId=key["KeyId"])["PolicyNames"], ["default"])
    with refused("MalformedPolicyDocumentException"):
        kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy="{")
