"""What a killed Terraform has made and not written down.

usage: adopt.py names < PLAN                             an event that tells how to find what will be made
       adopt.py missing STATE TAGGED [--vanished] < EVENTS  lines of ADDRESS<TAB>ID for `terraform import`: what the
                                                            events of killed builds tell of and the state does not
       adopt.py settled < EVENTS                        fails if Terraform has begun a change and told no end of it

All is JSON; TAGGED is the answer of the tagging API. Events come oldest first. A resource whose creation was begun and
not completed is looked for under its name, or by its tags. --vanished says that the last events are lost, so that
everything planned may have been begun.
"""

import json
import re
import sys

# By which words of its own a resource is imported, as far as they are known before it is made.
NAMES = {
    "aws_eks_addon": "{cluster_name}:{addon_name}",
    "aws_eks_cluster": "{name}",
    "aws_eks_node_group": "{cluster_name}:{node_group_name}",
    "aws_iam_role": "{name}",
    "aws_iam_role_policy_attachment": "{role}/{policy_arn}",
}

# How the ARNs of things go on after the account that get their ids from AWS; they are told apart by their tag Name.
ARNS = {
    "aws_eip": "elastic-ip/",
    "aws_eks_pod_identity_association": "podidentityassociation/",
    "aws_internet_gateway": "internet-gateway/",
    "aws_launch_template": "launch-template/",
    "aws_nat_gateway": "natgateway/",
    "aws_route_table": "route-table/",
    "aws_subnet": "subnet/",
    "aws_vpc": "vpc/",
}

# What is imported by the ids of others: `[]` stands for the resource's own key.
IDS_OF_OTHERS = {
    "aws_eks_pod_identity_association.autoscaler": "{aws_eks_cluster.this},{}",
    "aws_route.internet": "{aws_route_table.public}_0.0.0.0/0",
    "aws_route.nat": "{aws_route_table.private}_0.0.0.0/0",
    "aws_route_table_association.private": "{aws_subnet.private[]}/{aws_route_table.private}",
    "aws_route_table_association.public": "{aws_subnet.public}/{aws_route_table.public}",
}


def names(plan):
    """Import ids, by address, of what a plan creates under names that it knows."""
    found = {}
    for change in plan.get("resource_changes", []):
        template = NAMES.get(change["type"])
        if template is None or "create" not in change["change"]["actions"]:
            continue
        values = {name: value for name, value in change["change"]["after"].items() if isinstance(value, str)}
        try:
            found[change["address"]] = template.format_map(values)
        except KeyError:
            continue
    return found


def tags(plan):
    """Type and Name tag, by address, of what a plan creates with an id of AWS's."""
    created = (
        change
        for change in plan.get("resource_changes", [])
        if change["type"] in ARNS and "create" in change["change"]["actions"]
    )
    return {
        change["address"]: [change["type"], (change["change"]["after"].get("tags") or {}).get("Name")]
        for change in created
    }


def others(plan):
    """Addresses of what a plan creates that is imported by the ids of others."""
    changes = (change for change in plan.get("resource_changes", []) if "create" in change["change"]["actions"])
    return [change["address"] for change in changes if change["address"].split("[")[0] in IDS_OF_OTHERS]


class Told:
    """What the events tell."""

    def __init__(self):
        self.names = {}
        self.tags = {}
        self.others = []
        self.begun = set()
        self.made = {}
        self._leaving = {}

    def read(self, lines):
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if event.get("type") == "planned_names":
                self.names.update(event["names"])
                self.tags.update(event["tags"])
                self.others += event.get("others", [])
            elif "hook" in event:
                self._hook(event["type"], event["hook"])

    def _hook(self, kind, hook):
        address, action = hook.get("resource", {}).get("addr"), hook.get("action")
        if kind == "apply_start" and action == "create":
            self.begun.add(address)
        elif kind == "apply_start" and action == "delete":
            self._leaving[address] = hook.get("id_value")
        elif kind == "apply_complete" and action == "create":
            self.made[address] = hook.get("id_value")
        elif kind == "apply_complete" and action == "delete" and self._leaving.get(address) == self.made.get(address):
            # Not where a new one has been made before the old one went.
            self.made.pop(address, None)
            self.names.pop(address, None)
            self.begun.discard(address)
        elif kind == "apply_errored" and action == "create":
            # Whatever is left of it is in the state, as tainted, if there was time to write that.
            pass


def missing(told, known, tagged, vanished=False):
    """Pairs of address and import id."""
    # A name is an id too, where others need it: so they need no end of the making of what bears it.
    ids = {**told.names, **told.made, **known}
    # Those that need the ids of others come after these.
    begun = [*told.names, *told.tags, *told.others] if vanished else []
    candidates = [*told.made, *begun, *told.begun]
    for address in dict.fromkeys(candidates):
        if address not in ids and address in told.tags:
            found = [each for each in by_tags(tagged, *told.tags[address]) if each not in ids.values()]
            # Of several, nobody knows which is meant.
            ids.update({address: found[0]} if len(found) == 1 else {})
    for address in dict.fromkeys(candidates):
        if address in known:
            continue
        found = told.names.get(address) or _import_id(address, ids)
        if found:
            yield address, found


def by_tags(tagged, kind, name):
    """Ids of the things of a type that have this Name tag."""
    for resource in tagged.get("ResourceTagMappingList", []):
        named = {tag["Key"]: tag["Value"] for tag in resource["Tags"]}.get("Name")
        rest = resource["ResourceARN"].split(":", 5)[-1]
        if rest.startswith(ARNS[kind]) and named == name:
            yield rest.rsplit("/", 1)[-1]


def _import_id(address, ids):
    base, key = re.fullmatch(r"([^\[]+)(\[.*\])?", address).groups()
    template = IDS_OF_OTHERS.get(base)
    if template is None:
        return ids.get(address)
    others = re.findall(r"{(.*?)}", template)
    found = [ids.get((other or address).replace("[]", key or "")) for other in others]
    for other, value in zip(others, found):
        template = template.replace("{" + other + "}", value or "", 1)
    return template if all(found) else None


def known(state):
    """Ids by address of all that a state has."""
    found = {}
    modules = [state.get("values", {}).get("root_module", {})]
    while modules:
        module = modules.pop()
        modules += module.get("child_modules", [])
        for resource in module.get("resources", []):
            if resource.get("mode") == "managed":
                found[resource["address"]] = resource.get("values", {}).get("id")
    return found


def settled(lines):
    """Whether Terraform ended each change that it began, and was not made to let everything lie."""
    under_way = set()
    for line in lines:
        # Told to stop twice, it does not write down what it has made since it was told first.
        if "Two interrupts received" in line or "operation canceled" in line:
            return False
        try:
            event = json.loads(line)
        except ValueError:
            continue
        hook = event.get("hook", {})
        change = (hook.get("resource", {}).get("addr"), hook.get("action"))
        if event.get("type") == "apply_start":
            under_way.add(change)
        elif event.get("type") in ("apply_complete", "apply_errored"):
            under_way.discard(change)
    return not under_way


def main(arguments):
    if arguments[:1] == ["names"]:
        event = {"@level": "info", "@message": "Names of what is planned", "@module": "build", "type": "planned_names"}
        plan = json.load(sys.stdin)
        print(json.dumps({**event, "names": names(plan), "tags": tags(plan), "others": others(plan)}, separators=(",", ":")))
    elif arguments[:1] == ["settled"]:
        sys.exit(0 if settled(sys.stdin) else 1)
    else:
        told = Told()
        told.read(sys.stdin)
        with open(arguments[1], encoding="utf-8") as state, open(arguments[2], encoding="utf-8") as tagged:
            pairs = missing(told, known(json.load(state)), json.load(tagged), "--vanished" in arguments)
        for address, found in pairs:
            print(f"{address}\t{found}")


if __name__ == "__main__":
    main(sys.argv[1:])
