"""What is missing in a state, by what killed builds told."""

import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import adopt


def hook(kind, address, action="create", found=None):
    event = {"type": kind, "hook": {"resource": {"addr": address}, "action": action}}
    if found:
        event["hook"] |= {"id_key": "id", "id_value": found}
    return json.dumps(event)


def made(address, found):
    return [hook("apply_start", address), hook("apply_complete", address, found=found)]


def destroyed(address, found):
    return [hook("apply_start", address, "delete", found), hook("apply_complete", address, "delete")]


def planned(names=None, tags=None, others=None):
    event = {"type": "planned_names", "names": names or {}, "tags": tags or {}, "others": others or []}
    return json.dumps(event)


def missing(lines, known=None, tagged=None, vanished=False):
    told = adopt.Told()
    told.read(lines)
    return dict(adopt.missing(told, known or {}, tagged or {}, vanished))


class Missing(unittest.TestCase):
    def test_what_was_made_and_is_not_in_the_state(self):
        lines = [*made("aws_vpc.this", "vpc-1"), *made('aws_subnet.private["a"]', "subnet-1"), "half a li"]
        self.assertEqual(missing(lines, {"aws_vpc.this": "vpc-1"}), {'aws_subnet.private["a"]': "subnet-1"})

    def test_what_is_gone_again_is_not_missed(self):
        lines = [*made("aws_vpc.this", "vpc-1"), *destroyed("aws_vpc.this", "vpc-1")]
        self.assertEqual(missing(lines), {})

    def test_what_was_replaced_by_creating_first_is_the_new_one(self):
        address = 'aws_eks_node_group.this["cpu"]'
        lines = [*made(address, "c:old"), *made(address, "c:new"), *destroyed(address, "c:old")]
        self.assertEqual(missing(lines), {address: "c:new"})

    def test_some_are_known_by_the_ids_of_others(self):
        known = {"aws_route_table.private": "rtb-1", "aws_eks_cluster.this": "c"}
        lines = [
            *made('aws_subnet.private["a"]', "subnet-1"),
            *made("aws_route.nat", "r-rtb-1108"),
            hook("apply_start", 'aws_route_table_association.private["a"]'),
            *made("aws_eks_pod_identity_association.autoscaler", "a-1"),
            hook("apply_start", "aws_route.internet"),
        ]
        self.assertEqual(missing(lines, known), {
            'aws_subnet.private["a"]': "subnet-1",
            "aws_route.nat": "rtb-1_0.0.0.0/0",
            'aws_route_table_association.private["a"]': "subnet-1/rtb-1",
            "aws_eks_pod_identity_association.autoscaler": "c,a-1",
        }, "and what depends on an unknown one is left out")

    def test_what_was_in_the_making_is_known_by_its_name(self):
        names = {"aws_eks_cluster.this": "c", "aws_iam_role.node": "c-node"}
        lines = [planned(names), hook("apply_start", "aws_eks_cluster.this")]
        self.assertEqual(missing(lines), {"aws_eks_cluster.this": "c"})
        self.assertEqual(missing(lines, vanished=True), names, "if the end is not told, all may have been")

    def test_of_a_machine_that_died_only_the_plan_tells(self):
        tagged = {"ResourceTagMappingList": [
            {"ResourceARN": f"arn:aws:ec2:r:1:{rest}", "Tags": [{"Key": "Name", "Value": name}]}
            for rest, name in [("subnet/subnet-1", "c-a"), ("route-table/rtb-1", "c-private")]
        ]}
        tags = {
            'aws_subnet.private["a"]': ["aws_subnet", "c-a"],
            "aws_route_table.private": ["aws_route_table", "c-private"],
        }
        others = ['aws_route_table_association.private["a"]', "aws_route.internet"]
        lines = [planned(tags=tags, others=others)]
        self.assertEqual(missing(lines, tagged=tagged, vanished=True), {
            'aws_subnet.private["a"]': "subnet-1",
            "aws_route_table.private": "rtb-1",
            'aws_route_table_association.private["a"]': "subnet-1/rtb-1",
        })

    def test_the_name_of_what_was_in_the_making_is_an_id_for_others(self):
        address = "aws_eks_pod_identity_association.autoscaler"
        arn = "arn:aws:eks:r:1:podidentityassociation/c/a-1"
        tagged = {"ResourceTagMappingList": [{"ResourceARN": arn, "Tags": []}]}
        names = {"aws_eks_cluster.this": "c"}
        lines = [planned(names, {address: ["aws_eks_pod_identity_association", None]}, [address])]
        self.assertEqual(missing(lines, tagged=tagged, vanished=True), {**names, address: "c,a-1"})

    def test_what_was_in_the_making_is_known_by_its_tags(self):
        def tagged(*arns):
            tags = [{"Key": "Name", "Value": "c"}]
            return {"ResourceTagMappingList": [{"ResourceARN": f"arn:aws:ec2:r:1:{arn}", "Tags": tags} for arn in arns]}

        tags = {"aws_nat_gateway.this[0]": ["aws_nat_gateway", "c"]}
        lines = [planned(tags=tags), hook("apply_start", "aws_nat_gateway.this[0]")]
        one = tagged("natgateway/nat-1", "vpc/vpc-1")
        self.assertEqual(missing(lines, tagged=one), {"aws_nat_gateway.this[0]": "nat-1"})
        two = tagged("natgateway/nat-1", "natgateway/nat-2")
        self.assertEqual(missing(lines, tagged=two), {}, "of two, nobody knows which")
        self.assertEqual(missing(lines, {"aws_nat_gateway.other": "nat-2"}, two), {"aws_nat_gateway.this[0]": "nat-1"})


class Names(unittest.TestCase):
    def test_only_what_is_known_before_it_is_made(self):
        def change(address, after, actions=("create",)):
            return {"address": address, "type": address.split(".")[0], "change": {"actions": actions, "after": after}}

        plan = {"resource_changes": [
            change("aws_iam_role.node", {"name": "c-node"}),
            change("aws_eks_addon.dns", {"addon_name": "coredns"}),
            change("aws_eks_cluster.this", {"name": "c"}, ("update",)),
            change("aws_vpc.this", {"tags": {"Name": "c"}}),
            change("aws_eks_pod_identity_association.autoscaler", {}),
            change("aws_route.nat", {}),
            change('aws_route_table_association.private["a"]', {}),
        ]}
        self.assertEqual(adopt.others(plan), [
            "aws_eks_pod_identity_association.autoscaler", "aws_route.nat", 'aws_route_table_association.private["a"]',
        ])
        self.assertEqual(adopt.names(plan), {"aws_iam_role.node": "c-node"})
        self.assertEqual(adopt.tags(plan), {
            "aws_vpc.this": ["aws_vpc", "c"],
            "aws_eks_pod_identity_association.autoscaler": ["aws_eks_pod_identity_association", None],
        })


class Settled(unittest.TestCase):
    def test_what_was_begun_was_ended(self):
        failed = [hook("apply_start", "aws_eip.nat"), hook("apply_errored", "aws_eip.nat")]
        self.assertTrue(adopt.settled([]))
        self.assertTrue(adopt.settled(made("aws_vpc.this", "vpc-1") + destroyed("aws_vpc.this", "vpc-0") + failed))

    def test_a_change_without_an_end(self):
        self.assertFalse(adopt.settled([*made("aws_vpc.this", "vpc-1"), hook("apply_start", "aws_eip.nat")]))
        replaced = [*made("aws_vpc.this", "vpc-1"), hook("apply_start", "aws_vpc.this", "delete", "vpc-0")]
        self.assertFalse(adopt.settled(replaced))

    def test_told_to_stop_twice(self):
        told = '{"@level":"info","@message":"Two interrupts received. Exiting immediately.","type":"log"}'
        self.assertFalse(adopt.settled([*made("aws_vpc.this", "vpc-1"), told]))


if __name__ == "__main__":
    unittest.main()
