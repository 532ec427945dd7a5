"""What infra/template.yaml lets each role do, how long it keeps what, and who is told when something goes wrong."""

import fnmatch
import unittest
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[4]

SECRETS = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ondemand-eks/stack"
BUCKET = "arn:aws:s3:::data"
RULE = "arn:aws:events:eu-west-1:123456789012:rule/stack-keepalive"
STATE = f"{BUCKET}/clusters/c1/g2/terraform.tfstate"

# Names that stand for what the template refers to.
KNOWN = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "123456789012",
    "AWS::StackName": "stack",
    "DataBucket.Arn": BUCKET,
    "JobTokenKey": f"{SECRETS}/job-token-key-AbCdEf",
}


class Loader(yaml.SafeLoader):
    """Reads a template's short functions as single-key mappings."""


def function(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix: value}


Loader.add_multi_constructor("!", function)
TEMPLATE = yaml.load((ROOT / "infra/template.yaml").read_text(encoding="utf-8"), Loader)
RESOURCES = TEMPLATE["Resources"]


def of_type(kind):
    return {name: resource["Properties"] for name, resource in RESOURCES.items() if resource["Type"] == kind}


def listed(value):
    return value if isinstance(value, list) else [value]


def plain(resource):
    """The text of an ARN, with names in the place of references."""
    if isinstance(resource, dict):
        (kind, value), = resource.items()
        resource = value if kind == "Sub" else "${" + value + "}"
    for name, text in KNOWN.items():
        resource = resource.replace("${" + name + "}", text)
    return resource


def statements(role):
    """All that a function's or a service's role allows."""
    properties = RESOURCES[role]["Properties"]
    attached = [policy["Ref"] for policy in properties.get("ManagedPolicyArns", [])]
    documents = []
    for policy in properties["Policies"]:
        if "Ref" in policy:
            attached.append(policy["Ref"])
        else:
            documents.append(policy.get("PolicyDocument", policy))
    documents += [RESOURCES[name]["Properties"]["PolicyDocument"] for name in attached]
    return [statement for document in documents for statement in document["Statement"]]


def may(role, action, resource):
    return any(
        action in listed(statement["Action"])
        and any(fnmatch.fnmatchcase(resource, plain(pattern)) for pattern in listed(statement["Resource"]))
        for statement in statements(role)
    )


FUNCTIONS = ("ApiFunction", "RunFunction", "ClusterFunction", "KeepaliveFunction")
ROLES = (*FUNCTIONS, "BuildRole")

# Who may do what to what; nobody else among the roles may.
GRANTS = {
    ("secretsmanager:GetSecretValue", f"{SECRETS}/integrations/i1-AbCdEf"): ROLES,
    ("secretsmanager:PutSecretValue", f"{SECRETS}/integrations/i1-AbCdEf"): ("ApiFunction",),
    ("secretsmanager:DeleteSecret", f"{SECRETS}/integrations/i1-AbCdEf"): ("ApiFunction", "KeepaliveFunction"),
    ("secretsmanager:GetSecretValue", f"{SECRETS}/job-token-key-AbCdEf"): ("RunFunction",),
    ("secretsmanager:DeleteSecret", f"{SECRETS}/job-token-key-AbCdEf"): (),
    ("secretsmanager:GetSecretValue", f"{SECRETS}/credentials-files/-/.aws/credentials-AbCdEf"): ("ApiFunction",),
    ("s3:GetObject", STATE): ("ApiFunction", "ClusterFunction", "KeepaliveFunction", "BuildRole"),
    ("s3:PutObject", STATE): ("BuildRole",),
    ("s3:DeleteObject", STATE): (),
    ("s3:DeleteObject", f"{STATE}.tflock"): ("ClusterFunction", "BuildRole"),
    ("s3:DeleteObject", f"{STATE}.holder"): ("BuildRole",),
    ("s3:PutObject", f"{BUCKET}/clusters/c1/builds/7/variables.tfvars.json"): ("ClusterFunction", "BuildRole"),
    ("s3:PutObject", f"{BUCKET}/clusters/c1/builds/7/given-up"): ("ApiFunction", "ClusterFunction", "KeepaliveFunction", "BuildRole"),
    ("s3:PutObject", f"{BUCKET}/clusters/c1/plans/p1/build.json"): ("ApiFunction", "BuildRole"),
    ("s3:GetObject", f"{BUCKET}/flows/f1/dags/d1/dag.json"): FUNCTIONS,
    ("s3:PutObject", f"{BUCKET}/flows/f1/dags/d1/packages/o1.zip"): ("ApiFunction",),
    ("s3:PutObject", f"{BUCKET}/previews/flows/f1/dags/d1/dag.json"): ("ApiFunction",),
    ("s3:GetObject", f"{BUCKET}/previews/flows/f1/dags/d1/packages/o1.zip"): FUNCTIONS,
    ("s3:PutObject", f"{BUCKET}/runs/r1/artifacts/a1/content"): ("ApiFunction", "RunFunction"),
    ("s3:DeleteObject", f"{BUCKET}/runs/r1/artifacts/a1/content"): ("ApiFunction", "RunFunction", "KeepaliveFunction"),
    ("s3:PutObject", f"{BUCKET}/previews/runs/r1/artifacts/a1/content"): ("ApiFunction", "RunFunction"),
    ("events:EnableRule", RULE): FUNCTIONS,
    ("events:DisableRule", RULE): ("KeepaliveFunction",),
    ("iam:PassRole", "arn:aws:iam::123456789012:role/x"): (),
}


class Roles(unittest.TestCase):
    def test_each_role_may_do_what_is_its_own_and_no_more(self):
        for (action, resource), granted in GRANTS.items():
            found = tuple(role for role in ROLES if may(role, action, resource))
            self.assertEqual(sorted(found), sorted(granted), f"{action} on {resource}")

    def test_nothing_is_allowed_on_everything_but_the_delivery_of_logs(self):
        documents = [policy["PolicyDocument"] for policy in of_type("AWS::IAM::ManagedPolicy").values()]
        for role in (*ROLES, "MachineRole"):
            documents.append({"Statement": statements(role)})
        for statement in (statement for document in documents for statement in document["Statement"]):
            self.assertFalse([action for action in listed(statement["Action"]) if "*" in action], statement)
            if "*" in listed(statement["Resource"]):
                self.assertTrue(all(action.startswith("logs:") for action in statement["Action"]), statement)

    def test_no_policy_is_attached_to_nobody(self):
        used = set()
        for role in (*FUNCTIONS, "BuildRole"):
            properties = RESOURCES[role]["Properties"]
            for policy in [*properties["Policies"], *properties.get("ManagedPolicyArns", [])]:
                used.update([policy["Ref"]] if "Ref" in policy else [])
        self.assertEqual(used, set(of_type("AWS::IAM::ManagedPolicy")))


class Keeping(unittest.TestCase):
    def test_the_bucket_and_the_table_are_kept_closed_and_can_be_restored(self):
        bucket = RESOURCES["DataBucket"]["Properties"]
        self.assertEqual(set(bucket["PublicAccessBlockConfiguration"].values()), {True})
        self.assertEqual(bucket["VersioningConfiguration"]["Status"], "Enabled")
        self.assertIn("BucketEncryption", bucket)
        self.assertIn("OnlyEncrypted", str(RESOURCES["DataBucketPolicy"]))
        table = RESOURCES["Table"]["Properties"]
        self.assertEqual(table["TimeToLiveSpecification"], {"AttributeName": "ttl", "Enabled": True})
        self.assertTrue(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"])
        for name in ("DataBucket", "Table"):
            self.assertEqual(RESOURCES[name]["DeletionPolicy"], "RetainExceptOnCreate")

    def test_every_log_ends_and_every_function_writes_to_one_of_them(self):
        groups = of_type("AWS::Logs::LogGroup")
        self.assertTrue(all(group["RetentionInDays"] <= 30 for group in groups.values()))
        written = [function["LoggingConfig"]["LogGroup"]["Ref"] for function in of_type("AWS::Serverless::Function").values()]
        self.assertEqual(len(set(written)), 4)
        self.assertLessEqual(set(written), set(groups))
        for machine in of_type("AWS::Serverless::StateMachine").values():
            self.assertFalse(machine["Logging"]["IncludeExecutionData"], "it has task tokens in it")

    def test_no_address_is_logged_with_its_query(self):
        logged = RESOURCES["HttpStage"]["Properties"]["AccessLogSettings"]["Format"]
        self.assertIn("$context.path", logged)
        self.assertFalse([word for word in ("queryString", "header", "authorizer") if word in logged])


class Watching(unittest.TestCase):
    def test_every_alarm_tells_the_topic(self):
        alarms = of_type("AWS::CloudWatch::Alarm")
        self.assertGreaterEqual(len(alarms), 6)
        for name, alarm in alarms.items():
            self.assertIn({"Ref": "AlarmTopicArn"}, alarm["AlarmActions"]["If"][1], name)

    def test_what_needs_a_person_is_told_in_the_words_of_the_history(self):
        filters = of_type("AWS::Logs::MetricFilter").values()
        self.assertEqual({each["LogGroupName"]["Ref"] for each in filters}, {"ClusterLogs", "KeepaliveLogs"})
        (pattern,) = {each["FilterPattern"] for each in filters}
        sources = [path.read_text(encoding="utf-8") for path in ROOT.glob("functions/*/src/**/*.rs")]
        for event in ("teardown_parked", "leftovers_found"):
            self.assertIn(f'$.event = "{event}"', pattern)
            self.assertTrue(any(f'"{event}"' in source for source in sources), f"nobody tells of {event}")
        (watched,) = {each["MetricTransformations"][0]["MetricName"] for each in filters}
        self.assertIn(watched, [alarm["MetricName"] for alarm in of_type("AWS::CloudWatch::Alarm").values()])

    def test_a_request_is_given_up_before_the_gateway_gives_it_up(self):
        default = TEMPLATE["Globals"]["Function"]["Timeout"]
        timeouts = {name: function.get("Timeout", default) for name, function in of_type("AWS::Serverless::Function").items()}
        self.assertLess(timeouts["ApiFunction"], 30)
        # The machines wait for a step for 180 s.
        self.assertLess(max(timeouts["RunFunction"], timeouts["ClusterFunction"]), 180)
        build = RESOURCES["BuildProject"]["Properties"]
        self.assertLessEqual(build["TimeoutInMinutes"] + build["QueuedTimeoutInMinutes"], 120, "see `Build` of the machine")


if __name__ == "__main__":
    unittest.main()
