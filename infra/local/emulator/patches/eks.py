"""DescribeCluster and ListClusters tell of the clusters of the local account.

The stand-in Terraform provider makes a cluster by asking LOCAL_ACCOUNT_URL for
a real Kubernetes control plane; what the EKS API says must be that cluster.
DescribeClusterVersions lists what that provider's data source lists.
"""

import json
import os
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path

from patches import private, replace

CATALOGUE = Path(__file__).parents[2] / "provider/src/catalogue.json"


def apply():
    from ministack.services import eks

    account = os.environ.get("LOCAL_ACCOUNT_URL")
    if not account:
        return
    reply, error, handle = private(eks, "_json_resp", "_error", "_handle_request_sync")

    def fetch(path):
        with urllib.request.urlopen(account.rstrip("/") + path, timeout=10) as response:
            return json.load(response)

    def describe_cluster(name):
        try:
            return reply(200, {"cluster": _as_eks(fetch(f"/clusters/{name}"))})
        except urllib.error.HTTPError as failure:
            if failure.code != 404:
                raise
            return error(404, "ResourceNotFoundException", f"No cluster found for name: {name}.")

    def list_clusters(_query):
        return reply(200, {"clusters": [_name(c) for c in fetch("/clusters")["clusters"]]})

    def handle_request(method, path, headers, body, query_params):
        if (method, path) == ("GET", "/cluster-versions"):
            return reply(200, {"clusterVersions": _versions(query_params)})
        return handle(method, path, headers, body, query_params)

    replace(eks, "_describe_cluster", describe_cluster)
    replace(eks, "_handle_request_sync", handle_request)
    replace(eks, "_list_clusters", list_clusters)


def _name(cluster):
    return cluster["name"] if isinstance(cluster, dict) else cluster


def _versions(query):
    """The catalogue's versions, of the status that is asked for, in the EKS API's words."""
    asked = query.get("versionStatus", [])
    versions = json.loads(CATALOGUE.read_text(encoding="utf-8"))["cluster_versions"]
    return [
        {
            "clusterVersion": version["cluster_version"],
            "defaultVersion": version["default_version"],
            "kubernetesPatchVersion": version["kubernetes_patch_version"],
            "versionStatus": version["version_status"],
        }
        for version in versions
        if not asked or version["version_status"] in asked
    ]


def _as_eks(cluster):
    """The local account's view of a cluster in the EKS API's words."""
    return {
        "name": cluster["name"],
        "arn": cluster.get("arn"),
        "version": cluster.get("version"),
        "status": cluster.get("status"),
        "endpoint": cluster.get("endpoint"),
        "certificateAuthority": {"data": cluster.get("certificate_authority") or ""},
        "createdAt": _epoch_seconds(cluster.get("created_at")),
        "tags": cluster.get("tags") or {},
    }


def _epoch_seconds(moment):
    """EKS writes times as numbers; an RFC 3339 text is what people write."""
    if isinstance(moment, str):
        return datetime.fromisoformat(moment).timestamp()
    return moment
