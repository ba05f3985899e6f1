"""The account, the Region and the client that every check starts from."""

import os

import boto3
from botocore.config import Config

ACCOUNT = "000000000000"
OTHER_ACCOUNT = "000000000002"
REGION = "eu-north-1"


def client(key="test", secret="test", region=REGION):
    return boto3.client(
        "kms",
        region_name=region,
        endpoint_url=os.environ["AWS_ENDPOINT_URL_KMS"],
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=16),
    )


kms = client()


def new_key(**options):
    return kms.create_key(**options)["KeyMetadata"]


def arn(resource, region=REGION):
    return f"arn:aws:kms:{region}:{ACCOUNT}:{resource}"
