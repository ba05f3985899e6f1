"""A check is a sentence and a function; the sentences and how they went are printed as one JSON line each."""

import json
import traceback
from contextlib import contextmanager

from botocore.exceptions import ClientError

_checks = []


def check(sentence):
    """Names the function below; checks are played in the order they are written."""

    def register(function):
        _checks.append((sentence, function))
        return function

    return register


def play():
    for sentence, function in _checks:
        try:
            function()
            verdict = {"name": sentence, "ok": True}
        except Exception:
            verdict = {"name": sentence, "ok": False, "error": traceback.format_exc(limit=4)}
        print(json.dumps(verdict), flush=True)
    print(json.dumps({"played": len(_checks)}), flush=True)


def same(actual, expected):
    assert actual == expected, f"{actual!r} is not {expected!r}"


@contextmanager
def refused(code, message=None):
    """The call inside has to fail with this code and, when given, this text."""
    try:
        yield
    except ClientError as error:
        same(error.response["Error"]["Code"], code)
        if message is not None:
            same(error.response["Error"]["Message"], message)
    else:
        raise AssertionError(f"nothing was refused, {code} was expected")
