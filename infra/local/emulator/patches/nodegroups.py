"""DescribeNodegroup, UpdateNodegroupConfig and DescribeUpdate tell of, and change, the groups that the provider has made.

They are where the local account has them (LOCAL_ACCOUNT_URL), with real nodes. Without an account they are lines of the
provider's journal (AWS_PROVIDER_JOURNAL), and a change is one more line: the provider reads it when it refreshes.
"""

import json
import os
import re
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from patches import private, replace
from patches.tagging import existing

UPDATE = re.compile(r"/clusters/([\w-]+)/node-groups/([\w-]+)/update-config")
TOLD = re.compile(r"/clusters/([\w-]+)/updates/([\w-]+)")
SIZES = {"minSize": "min", "maxSize": "max", "desiredSize": "desired"}


class Refused(Exception):
    """What EKS answers if it does not do what it is asked: the code and the text of the error."""

    def __init__(self, status, code, message):
        super().__init__(message)
        self.answer = (status, code, message)


def apply():
    from ministack.services import eks

    account, journal = os.environ.get("LOCAL_ACCOUNT_URL"), os.environ.get("AWS_PROVIDER_JOURNAL")
    if not account and not journal:
        return
    groups = Account(account) if account else Journal(journal)
    reply, error, handle = private(eks, "_json_resp", "_error", "_handle_request_sync")
    updates = {}

    def answer(work):
        try:
            return reply(200, work())
        except Refused as refused:
            return error(*refused.answer)

    def update(cluster, name, body):
        # As in EKS, what a request refuses is refused at once; here there is nothing to wait for after that.
        groups.resize(cluster, name, body.get("scalingConfig") or {})
        number = str(uuid.uuid4())
        params = [{"type": size, "value": str(value)} for size, value in (body.get("scalingConfig") or {}).items()]
        updates[number] = {"id": number, "status": "Successful", "type": "ConfigUpdate", "params": params,
                           "createdAt": time.time(), "errors": []}
        return {"update": updates[number]}

    def told(number):
        if number not in updates:
            raise Refused(404, "ResourceNotFoundException", f"No update found for ID: {number}")
        return {"update": updates[number]}

    def handle_request(method, path, headers, body, query_params):
        if method == "POST" and (found := UPDATE.fullmatch(path)):
            return answer(lambda: update(*found.groups(), json.loads(body)))
        if method == "GET" and (found := TOLD.fullmatch(path)):
            return answer(lambda: told(found.group(2)))
        return handle(method, path, headers, body, query_params)

    replace(eks, "_describe_nodegroup", lambda *names: answer(lambda: {"nodegroup": groups.describe(*names)}))
    replace(eks, "_handle_request_sync", handle_request)


class Account:
    """The groups of the local account."""

    def __init__(self, url):
        self._url = url.rstrip("/")

    def describe(self, cluster, name):
        group = self._ask(cluster, name)
        sizes = {size: group[word] for size, word in SIZES.items()}
        return described(cluster, name, group["arn"], group["status"], group["instance_types"], group["labels"], sizes)

    def resize(self, cluster, name, asked):
        self._ask(cluster, name, "/scaling", {SIZES[size]: value for size, value in asked.items()})

    def _ask(self, cluster, name, more="", order=None):
        url = f"{self._url}/clusters/{cluster}/nodegroups/{name}{more}"
        data = None if order is None else json.dumps(order).encode()
        request = urllib.request.Request(url, data, {"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.load(response)
        except urllib.error.HTTPError as failure:
            if failure.code == 404:
                raise unknown(name) from failure
            if failure.code == 400:
                raise Refused(400, "InvalidParameterException", json.load(failure)["error"]) from failure
            raise


class Journal:
    """The groups of a journal, or of a folder of them."""

    def __init__(self, path):
        self._path = Path(path)

    def describe(self, cluster, name):
        _, values = self._find(cluster, name)
        scaling = values["scaling_config"][0]
        sizes = {size: scaling[f"{word}_size"] for size, word in SIZES.items()}
        types, labels = values.get("instance_types") or [], values.get("labels") or {}
        return described(cluster, name, values["arn"], "ACTIVE", types, labels, sizes)

    def resize(self, cluster, name, asked):
        path, values = self._find(cluster, name)
        sizes = resized(self.describe(cluster, name)["scalingConfig"], asked)
        values["scaling_config"] = [{f"{word}_size": sizes[size] for size, word in SIZES.items()}]
        entry = {"operation": "update", "type": "aws_eks_node_group", "name": name, "values": values,
                 "at_ms": int(time.time() * 1000)}
        # One write, and no spaces: as the provider writes it, and looks for it.
        with open(path, "a", encoding="utf-8") as journal:
            journal.write(json.dumps(entry, separators=(",", ":")) + "\n")

    def _find(self, cluster, name):
        paths = sorted(self._path.iterdir()) if self._path.is_dir() else [self._path]
        for path in paths:
            if values := existing(path).get(("aws_eks_node_group", f"{cluster}:{name}")):
                return path, values
        raise unknown(name)


def resized(sizes, asked):
    """The sizes of a group after a change, in which those that are not named stay; EKS moves none by itself."""
    sizes = {**sizes, **asked}
    least, most, desired = (sizes[size] for size in SIZES)
    if least > desired:
        said = f"Minimum capacity {least} can't be greater than desired size {desired}"
    elif desired > most:
        said = f"desired capacity {desired} can't be greater than max size {most}"
    else:
        return sizes
    raise Refused(400, "InvalidParameterException", said)


def described(cluster, name, arn, status, types, labels, sizes):
    return {
        "nodegroupName": name,
        "nodegroupArn": arn,
        "clusterName": cluster,
        "status": status,
        "scalingConfig": sizes,
        "instanceTypes": types,
        "labels": labels,
    }


def unknown(name):
    return Refused(404, "ResourceNotFoundException", f"No node group found for name: {name}.")
