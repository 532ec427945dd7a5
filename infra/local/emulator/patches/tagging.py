"""GetResources tells of what the stand-in Terraform provider has made.

ministack knows nothing of it: to the provider a resource is a line in its
journal (AWS_PROVIDER_JOURNAL) and an entry in Terraform's state. The journal is
what happened, whatever a state says, so what a state has lost is found here. A
provider that was killed has not written down the cluster that it asked the
local account for (LOCAL_ACCOUNT_URL): the account tells of it.
"""

import contextlib
import json
import os
import urllib.request
from pathlib import Path

from patches import private

# Types without tags of their own in AWS's tagging API, although they have some.
UNLISTED = ("aws_iam_role",)


def apply():
    from ministack.services import tagging

    journal = os.environ.get("AWS_PROVIDER_JOURNAL")
    if not journal:
        return
    collectors = private(tagging, "_COLLECTORS")

    def collect():
        told = {values["arn"]: values.get("tags_all") or {} for values in existing(journal).values()}
        asked_for = {cluster["arn"]: cluster.get("tags") or {} for cluster in clusters(os.environ.get("LOCAL_ACCOUNT_URL"))}
        for arn, tags in {**asked_for, **told}.items():
            yield arn, [{"Key": key, "Value": value} for key, value in tags.items()]

    collectors["provider"] = collect


def clusters(account):
    """What the local account has, or is creating; nothing without one."""
    if not account:
        return []
    with urllib.request.urlopen(account.rstrip("/") + "/clusters", timeout=10) as response:
        return json.load(response)["clusters"]


def existing(journal):
    """The tagged resources that exist, by type and id: the journal's last word on each."""
    found = {}
    # A folder holds the journals of several.
    for path in sorted(Path(journal).iterdir()) if Path(journal).is_dir() else [Path(journal)]:
        with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8") as lines:
            for line in lines:
                _take(found, line)
    return found


def _take(found, line):
    # Most lines are about reading, and are long.
    if not any(f'"operation":"{word}"' in line for word in ("create", "update", "delete")):
        return
    try:
        entry = json.loads(line)
    except ValueError:
        return  # a line that is being written
    if entry.get("error") is not None or entry.get("type") in UNLISTED:
        return
    values = entry.get("values") or {}
    # The types with tags whose ARN Terraform does not tell, or under another name.
    if entry.get("type") == "aws_eks_pod_identity_association":
        values["arn"] = values.get("association_arn")
    if entry.get("type") == "aws_nat_gateway" and "id" in values:
        values["arn"] = f"arn:aws:ec2:us-east-1:000000000000:natgateway/{values['id']}"
    key = (entry.get("type"), values.get("id"))
    if entry.get("operation") == "delete":
        found.pop(key, None)
    elif values.get("arn") and values.get("tags_all"):
        found[key] = values
