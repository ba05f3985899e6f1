"""Encrypts many times at once with boto3: burst.py URL KEY COUNT ATTEMPTS. Prints what came of it as a line of JSON."""
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

url, key, count, attempts = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
retries = {"mode": "standard", "total_max_attempts": attempts}
kms = boto3.client("kms", endpoint_url=url, config=Config(retries=retries, max_pool_connections=count))


def encrypt(_):
    try:
        kms.encrypt(KeyId=key, Plaintext=b"a secret")
    except ClientError as error:
        return f"{error.response['Error']['Code']} {error.response['ResponseMetadata']['HTTPStatusCode']}"
    return None


with ThreadPoolExecutor(count) as pool:
    came = list(pool.map(encrypt, range(count)))
print(json.dumps({"accepted": came.count(None), "refused": [why for why in came if why is not None]}))
