"""What a program on boto3 does with a KMS, and what it is refused. Run by boto3.test.ts against a served process."""

import ciphers  # noqa: F401 - a chapter registers its checks by being imported
import keys  # noqa: F401
import labels  # noqa: F401
import outside  # noqa: F401
import refusals  # noqa: F401
from checks import play

play()
