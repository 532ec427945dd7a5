"""Which node groups that stay a plan gives another minimum or maximum.

usage: resize.py < PLAN    a line of ADDRESS<TAB>CLUSTER<TAB>GROUP<TAB>MIN<TAB>MAX for each; PLAN is JSON
"""

import json
import sys


def to_resize(plan):
    """Address, cluster, name, minimum and maximum. A group that is replaced is made with the right ones."""
    for change in plan.get("resource_changes", []):
        before, after = change["change"]["before"], change["change"]["after"]
        if change["type"] == "aws_eks_node_group" and change["change"]["actions"] == ["update"]:
            limits = [after["scaling_config"][0][name] for name in ("min_size", "max_size")]
            if limits != [before["scaling_config"][0][name] for name in ("min_size", "max_size")]:
                yield change["address"], before["cluster_name"], before["node_group_name"], *limits


if __name__ == "__main__":
    for group in to_resize(json.load(sys.stdin)):
        print(*group, sep="\t")
