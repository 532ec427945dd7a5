"""Which groups of a plan get other limits from the build, and not from Terraform."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from resize import to_resize


def group(least, most, size, name="cpu-1"):
    scaling = [{"min_size": least, "max_size": most, "desired_size": size}]
    return {"cluster_name": "c", "node_group_name": name, "scaling_config": scaling}


def change(actions, before, after, kind="aws_eks_node_group"):
    return {"address": f"{kind}.this", "type": kind, "change": {"actions": actions, "before": before, "after": after}}


def resized(*changes):
    return list(to_resize({"resource_changes": changes}))


class ToResize(unittest.TestCase):
    def test_a_group_that_stays_and_gets_other_limits(self):
        asked = change(["update"], group(1, 3, 2), group(2, 5, 2))
        self.assertEqual(resized(asked), [("aws_eks_node_group.this", "c", "cpu-1", 2, 5)])

    def test_its_size_and_the_rest_of_it_are_no_reason(self):
        self.assertEqual(resized(change(["update"], group(1, 3, 2), group(1, 3, 4))), [])
        self.assertEqual(resized(change(["no-op"], group(1, 3, 2), group(1, 3, 2))), [])

    def test_what_is_new_or_replaced_gets_its_limits_when_it_is_made(self):
        self.assertEqual(resized(change(["create"], None, group(1, 3, 2))), [])
        self.assertEqual(resized(change(["delete"], group(1, 3, 2), None)), [])
        self.assertEqual(resized(change(["create", "delete"], group(1, 3, 2), group(2, 5, 2, "cpu-2"))), [])

    def test_nothing_else_is_a_group(self):
        self.assertEqual(resized(change(["update"], {"tags": {}}, {"tags": {"a": "b"}}, "aws_vpc")), [])
        self.assertEqual(list(to_resize({})), [])


if __name__ == "__main__":
    unittest.main()
