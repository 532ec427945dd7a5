"""GetCallerIdentity checks the signature, so that wrong credentials are refused when an account is registered.

LOCAL_CREDENTIALS_FILE     the credentials of the local account; without it every signature is taken for right
LOCAL_CREDENTIALS_PROFILE  their profile in that file

Other calls are not checked, and neither are the emulator's own credentials, with which functions and builds ask too.
"""

import configparser
import os
from urllib.parse import parse_qs

from patches import private, replace

# What the access keys of users begin with, unlike those of roles and of the emulator.
USERS_OWN = "AKIA"
UNKNOWN_KEY = ("InvalidClientTokenId", "The security token included in the request is invalid.")


def apply():
    from ministack.core import sigv4
    from ministack.services import sts

    path = os.environ.get("LOCAL_CREDENTIALS_FILE")
    if not path:
        return
    answer = private(sts, "handle_request")
    refuse = private(sts, "_error")
    parse, failure = private(sigv4, "parse_header_signature", "header_signature_failure")
    known_id, known_secret = _key(path, os.environ.get("LOCAL_CREDENTIALS_PROFILE", "default"))

    def problem(method, raw_path, headers, body, query):
        signature = parse(headers)
        if isinstance(signature, tuple):
            return None  # not signed in its headers, or not at all: no concern of ours
        if signature.access_key_id == known_id:
            return failure(signature, known_secret, method, raw_path, query, headers, body)
        return UNKNOWN_KEY if signature.access_key_id.startswith(USERS_OWN) else None

    async def handle_request(method, raw_path, headers, body, query):
        asked = {**query, **parse_qs((body or b"").decode("utf-8", "replace"))}
        is_checked = asked.get("Action") == ["GetCallerIdentity"]
        found = problem(method, raw_path, headers, body, query) if is_checked else None
        return refuse(403, *found, ns="sts") if found else await answer(method, raw_path, headers, body, query)

    replace(sts, "handle_request", handle_request)


def _key(path, profile):
    file = configparser.ConfigParser(interpolation=None)
    with open(path, encoding="utf-8") as text:
        file.read_file(text)
    return file[profile]["aws_access_key_id"], file[profile]["aws_secret_access_key"]
