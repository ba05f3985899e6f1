"""A served room: clients of it at a Region, and its administration."""

import json
import os
import urllib.error
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config

ENDPOINT = os.environ["AWS_ENDPOINT_URL_KMS"]
TOKEN = Path(os.environ["STRONGROOM_DATA"], "admin.token").read_text()


def client(region="us-east-1", attempts=1, mode="standard"):
    retries = {"total_max_attempts": attempts, "mode": mode}
    return boto3.client("kms", region_name=region, config=Config(retries=retries))


def administer(route, method="GET", **asked):
    request = urllib.request.Request(
        f"{ENDPOINT}/_strongroom/{route}",
        method=method,
        headers={"authorization": f"Bearer {TOKEN}"},
        data=json.dumps(asked).encode() if asked else None,
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)
