"""The real template and state machines on the patched emulator, with toy functions.

Run with the emulator's Python: python -m unittest discover infra/local/emulator/tests
"""

import concurrent.futures
import contextlib
import json
import unittest
import urllib.error
from pathlib import Path

from emulator import Emulator, until

emulator = None


def setUpModule():
    global emulator
    emulator = Emulator()


def tearDownModule():
    emulator.close()


def steps(**wanted):
    return [event["step"] for event in emulator.journal(**wanted)]


class ClusterMachine(unittest.TestCase):
    def change(self, cluster_id, purpose):
        request = {"cluster_id": cluster_id, "generation": 1, "epoch": 7, "purpose": purpose, "delay_seconds": 0}
        return emulator.execute("ClusterMachineArn", f"{cluster_id}-e7", **request)

    def test_a_created_cluster_is_built_and_gets_its_addons(self):
        self.assertEqual(self.change("new", "create")["status"], "SUCCEEDED")
        # The first `begin` fails with Transient and is retried.
        self.assertEqual(steps(cluster_id="new"), ["begin", "begin", "addons", "build_succeeded"])
        self.assertEqual(emulator.journal(cluster_id="new", step="addons")[0]["epoch"], 7)

    def test_a_destroyed_cluster_gets_no_addons(self):
        self.assertEqual(self.change("gone", "destroy")["status"], "SUCCEEDED")
        self.assertEqual(steps(cluster_id="gone"), ["begin", "begin", "build_succeeded"])

    def test_a_superseded_change_builds_nothing(self):
        self.assertEqual(self.change("old", "create")["status"], "SUCCEEDED")
        self.assertEqual(steps(cluster_id="old"), ["begin"])

    def test_a_failed_build_is_handed_on_with_its_cause(self):
        self.assertEqual(self.change("bad", "broken")["status"], "SUCCEEDED")
        failed = emulator.journal(cluster_id="bad", step="build_failed")[0]
        self.assertEqual(failed["error"], "States.TaskFailed")
        build = json.loads(failed["cause"])["Build"]
        self.assertEqual(build["BuildStatus"], "FAILED")
        context = next(p["Contexts"][0]["Message"] for p in build["Phases"] if p["PhaseType"] == "BUILD")
        self.assertIn('test "$ACTION" != broken. Reason: exit status 1', context)

        log = emulator.build_log(build["Id"])
        self.assertIn("building bad spec with aws-cli", log)
        self.assertIn("credentials are ***", log)
        self.assertNotIn("very secret thing", log)
        self.assertIn("\nfinally\n", log)
        self.assertIn("succeeding 0", log)

    def test_starting_again_while_running_is_a_no_op(self):
        states = emulator.client("stepfunctions")
        request = {
            "stateMachineArn": emulator.outputs["RunMachineArn"],
            "name": "slow-twice",
            "input": json.dumps({"run_id": "slow-twice"}),
        }
        first, second = states.start_execution(**request), states.start_execution(**request)
        self.assertEqual(first, {**second, "ResponseMetadata": first["ResponseMetadata"]})
        with self.assertRaises(states.exceptions.ExecutionAlreadyExists):
            states.start_execution(**{**request, "input": "{}"})
        states.stop_execution(executionArn=first["executionArn"])


class RunMachine(unittest.TestCase):
    def run_flow(self, run_id):
        return emulator.execute("RunMachineArn", run_id, run_id=run_id)

    def test_a_run_is_acquired_advanced_and_finished(self):
        self.assertEqual(self.run_flow("plain")["status"], "SUCCEEDED")
        self.assertEqual(steps(run_id="plain"), ["acquire", "advance", "finish"])
        self.assertNotIn("error", emulator.journal(run_id="plain", step="finish")[0])

    def test_a_poked_run_advances_at_once(self):
        self.assertEqual(self.run_flow("poked")["status"], "SUCCEEDED")
        self.assertEqual(steps(run_id="poked"), ["acquire", "advance", "advance", "finish"])

    def test_a_run_that_cannot_be_acquired_is_finished_with_the_error(self):
        self.assertEqual(self.run_flow("unacquirable")["status"], "SUCCEEDED")
        self.assertEqual(steps(run_id="unacquirable"), ["acquire", "finish"])
        finish = emulator.journal(run_id="unacquirable", step="finish")[0]
        self.assertEqual(finish["error"], "ClusterGone")
        self.assertIn("as asked for", finish["cause"])

    def test_a_silent_run_is_looked_at_again_after_the_interval(self):
        # The same definition, with an interval that a test can wait for.
        states = emulator.client("stepfunctions")
        deployed = states.describe_state_machine(stateMachineArn=emulator.outputs["RunMachineArn"])
        hasty = states.create_state_machine(
            name="hasty",
            roleArn=deployed["roleArn"],
            definition=deployed["definition"].replace("$max([20,", "$max([1,"),
        )
        emulator.outputs["HastyArn"] = hasty["stateMachineArn"]
        ended = emulator.execute("HastyArn", "slow", run_id="slow")
        self.assertEqual(ended["status"], "SUCCEEDED")
        # The third look ends the run, unless it too takes longer than the interval.
        first, *looks, last = steps(run_id="slow")
        self.assertEqual((first, set(looks), last), ("acquire", {"advance"}, "finish"))
        self.assertGreaterEqual(len(looks), 3)


class Faults(unittest.TestCase):
    """Failures ordered of faults.py, each in the place where it strikes."""

    def tearDown(self):
        emulator.order()

    def run_flow(self, run_id):
        ended = emulator.execute("RunMachineArn", run_id, run_id=run_id)
        self.assertEqual(ended["status"], "SUCCEEDED")
        return steps(run_id=run_id)

    def order(self, kind, on, action, **more):
        emulator.order({"kind": kind, "on": on, "action": action, "nth": [1], **more})

    def test_a_function_killed_before_its_work_has_done_nothing(self):
        self.order("lambda", "run finish", "kill_before")
        self.assertEqual(self.run_flow("before"), ["acquire", "advance", "finish"])
        self.assertIn(("kill_before", "run finish"), emulator.struck())

    def test_a_function_killed_after_its_work_is_asked_again(self):
        self.order("lambda", "run finish", "kill_after")
        self.assertEqual(self.run_flow("after"), ["acquire", "advance", "finish", "finish"])

    def test_a_function_killed_after_a_call_has_made_it(self):
        # Its one call returns the token; what it would say after that is lost.
        self.order("lambda", "run advance", "kill_during", calls=1)
        self.assertEqual(self.run_flow("during"), ["acquire", "advance", "finish"])
        self.assertIn(("kill_during", "run advance"), emulator.struck())

    def test_an_event_can_be_delivered_twice(self):
        self.order("lambda", "run finish", "duplicate")
        self.run_flow("twice")
        until(lambda: steps(run_id="twice") == ["acquire", "advance", "finish", "finish"], "the second delivery")

    def test_a_throttled_call_is_made_again_and_one_without_an_answer_too(self):
        self.order("aws", "run states SendTaskSuccess", "fail", status=400, code="ThrottlingException")
        self.run_flow("throttled")
        self.assertIn(("fail", "run states SendTaskSuccess"), emulator.struck())
        self.order("aws", "run states SendTaskSuccess", "fail_after")
        # The token is gone by the second try: the function fails, the run goes on.
        self.assertEqual(self.run_flow("unanswered")[-1], "finish")

    def test_a_pods_request_can_be_lost_before_and_after_it_was_carried_out(self):
        for action, arrived in (("drop", 0), ("drop_answer", 1)):
            self.order("job", "outcome", action)
            before = len(emulator.journal(rawPath="/v1/jobs/outcome"))
            with self.assertRaises(urllib.error.HTTPError) as refused:
                emulator.get("/v1/jobs/outcome")
            refused.exception.close()
            self.assertEqual(refused.exception.code, 503)
            self.assertEqual(len(emulator.journal(rawPath="/v1/jobs/outcome")) - before, arrived, action)


class EndedExecutions(unittest.TestCase):
    """Executions that are stopped while they wait, for a build or for a token."""

    def tearDown(self):
        emulator.order()

    def while_building(self, action):
        """Has an execution end while its build runs; what became of both."""
        # Far more than it takes to start the build.
        emulator.order({"kind": "execution", "on": "cluster Build", "action": action, "nth": [1], "seconds": 3})
        cluster = f"{action}ped"
        request = {"cluster_id": cluster, "generation": 1, "epoch": 7, "purpose": "wait", "delay_seconds": 0}
        arn = emulator.start("ClusterMachineArn", f"{cluster}-e7", **request)
        until(lambda: emulator.execution(arn)["status"] == "ABORTED", "the end of the execution")
        self.assertEqual(steps(cluster_id=cluster), ["begin", "begin"])
        return next(build for build in emulator.builds() if {"name": "CLUSTER_ID", "value": cluster} in build[1])[0]

    def test_a_stopped_execution_stops_its_build(self):
        build = self.while_building("stop")
        until(lambda: emulator.build(build)["buildComplete"], "the build to stop")
        self.assertEqual(emulator.build(build)["buildStatus"], "STOPPED")

    def test_an_abandoned_build_goes_on(self):
        build = self.while_building("abandon")
        self.assertEqual(emulator.build(build)["buildStatus"], "IN_PROGRESS")
        emulator.client("codebuild").stop_build(id=build)

    def test_a_forgotten_execution_can_be_started_again(self):
        emulator.order({"kind": "execution", "on": "run Advance", "action": "forget", "nth": [1]})
        states = emulator.client("stepfunctions")
        arn = emulator.start("RunMachineArn", "forgotten", run_id="forgotten")
        until(lambda: ("forget", "run Advance") in emulator.struck(), "the execution to be forgotten")
        with self.assertRaises(states.exceptions.ExecutionDoesNotExist):
            states.describe_execution(executionArn=arn)
        self.assertEqual(emulator.execute("RunMachineArn", "forgotten", run_id="forgotten")["status"], "SUCCEEDED")

    def test_the_token_of_a_stopped_execution_is_void_and_nothing_comes_of_it(self):
        states = emulator.client("stepfunctions")
        arn = emulator.start("RunMachineArn", "slow-stopped", run_id="slow-stopped")
        until(lambda: steps(run_id="slow-stopped") == ["acquire", "advance"], "the first look")
        states.stop_execution(executionArn=arn)
        token = emulator.journal(run_id="slow-stopped", step="advance")[0]["task_token"]
        with self.assertRaises(states.exceptions.TaskDoesNotExist):
            states.send_task_success(taskToken=token, output="{}")
        self.assertEqual(emulator.execution(arn)["status"], "ABORTED")

    def test_an_end_that_comes_too_late_is_told(self):
        # Far more than it takes to finish.
        emulator.order({"kind": "execution", "on": "run Finish", "action": "stop", "nth": [1], "seconds": 5})
        self.assertEqual(emulator.execute("RunMachineArn", "in-time", run_id="in-time")["status"], "SUCCEEDED")
        until(lambda: ("stop", "run Finish") in emulator.missed(), "word of it")


class Errors(unittest.TestCase):
    """An ordered error is one in the protocol of its call: the SDK must know it by its code."""

    def test_an_sdk_understands_the_error_of_each_protocol(self):
        import botocore.session

        calls = {
            "dynamodb": ("list_tables", {}),
            "s3": ("list_buckets", {}),
            "eks": ("describe_cluster", {"name": "x"}),
            "sts": ("get_caller_identity", {}),
            "ec2": ("describe_vpcs", {}),
        }
        self.addCleanup(emulator.order)
        for service, (call, arguments) in calls.items():
            rule = {"kind": "aws", "on": f"* {service} *", "action": "fail", "probability": 1}
            emulator.order({**rule, "status": 400, "code": "MadeUp", "message": "so it is"})
            session = botocore.session.get_session()
            session.set_credentials("000000000000", "local")
            session.user_agent_extra = "exec-env/AWS_Lambda_local-probe-1"
            client = session.create_client(service, region_name="us-east-1", endpoint_url=emulator.url)
            with self.subTest(service), self.assertRaises(botocore.exceptions.ClientError) as refused:
                getattr(client, call)(**arguments)
            error = refused.exception.response["Error"]
            self.assertEqual((error["Code"], error["Message"]), ("MadeUp", "so it is"), service)


class Builds(unittest.TestCase):
    def test_a_stopped_build_leaves_no_process(self):
        builds = emulator.client("codebuild")
        pid_file = emulator.folder / "pid"
        variables = {"ACTION": "wait", "PID_FILE": str(pid_file), "CLUSTER_ID": "c"}
        overrides = [{"name": name, "value": value} for name, value in variables.items()]
        overrides.append({"name": "TARGET_CREDENTIALS", "value": "target", "type": "SECRETS_MANAGER"})
        build = builds.start_build(
            projectName=emulator.outputs["BuildProjectName"], environmentVariablesOverride=overrides
        )["build"]
        self.assertEqual(build["buildStatus"], "IN_PROGRESS")
        until(lambda: pid_file.exists() and pid_file.read_text().strip(), "the build phase")
        pid = int(pid_file.read_text())
        until(lambda: emulator.build(build["id"])["currentPhase"] == "BUILD", "word of the build phase")

        builds.stop_build(id=build["id"])
        until(lambda: emulator.build(build["id"])["buildComplete"], "the build to stop")
        self.assertEqual(emulator.build(build["id"])["buildStatus"], "STOPPED")
        self.assertFalse(alive(pid))

    def test_an_unreadable_secret_fails_the_build_and_says_which(self):
        builds = emulator.client("codebuild")
        build = builds.start_build(
            projectName=emulator.outputs["BuildProjectName"],
            environmentVariablesOverride=[{"name": "KEY", "value": "nowhere:key", "type": "SECRETS_MANAGER"}],
        )["build"]
        until(lambda: emulator.build(build["id"])["buildComplete"], "the build to fail")
        ended = emulator.build(build["id"])
        self.assertEqual(ended["buildStatus"], "FAILED")
        download = next(phase for phase in ended["phases"] if phase["phaseType"] == "DOWNLOAD_SOURCE")
        self.assertIn("environment variable KEY: cannot read secret nowhere:key", download["contexts"][0]["message"])


class Functions(unittest.TestCase):
    def test_routes_reach_their_functions(self):
        self.assertEqual(emulator.get("/v1/health"), "toy-api")
        self.assertEqual(emulator.get("/v1/jobs/manifest"), "toy-run")

    def test_what_a_function_logs_is_in_its_file(self):
        emulator.get("/v1/noted")
        log = emulator.folder / "logs" / "toy-api.log"
        until(lambda: log.exists() and "a request for /v1/noted\n" in log.read_text(), "the log line")

    def test_a_long_poll_does_not_hold_up_other_requests(self):
        gate = emulator.gate("end-of-the-long-poll")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            try:
                long_poll = pool.submit(emulator.get, f"/v1/jobs/started?gate={gate.name}")
                until(lambda: emulator.journal(rawPath="/v1/jobs/started"), "the long poll to be received")
                self.assertEqual(emulator.get("/v1/jobs/manifest"), "toy-run")
                self.assertFalse(long_poll.done())
            finally:
                gate.touch()
            self.assertEqual(long_poll.result(), "toy-run")

    def test_the_keepalive_rule_ticks_only_when_enabled(self):
        events = emulator.client("events")
        rule = emulator.outputs["KeepaliveRuleName"]
        self.assertEqual(events.describe_rule(Name=rule)["State"], "DISABLED")
        self.assertEqual(ticks(), [])
        events.enable_rule(Name=rule)
        until(lambda: len(ticks()) >= 2, "two scheduled events")
        events.disable_rule(Name=rule)


class Eks(unittest.TestCase):
    def test_clusters_are_those_of_the_local_account(self):
        eks = emulator.client("eks")
        self.assertEqual(eks.list_clusters()["clusters"], ["ondemand-1"])
        cluster = eks.describe_cluster(name="ondemand-1")["cluster"]
        self.assertEqual(cluster["certificateAuthority"]["data"], "Q0E=")
        self.assertEqual(cluster["createdAt"].timestamp(), 1767323045)
        with self.assertRaises(eks.exceptions.ResourceNotFoundException):
            eks.describe_cluster(name="other")

    def test_versions_are_those_of_the_stand_in_provider(self):
        eks = emulator.client("eks")
        supported = eks.describe_cluster_versions(versionStatus="STANDARD_SUPPORT")["clusterVersions"]
        self.assertEqual([version["clusterVersion"] for version in supported], ["1.34"])
        self.assertGreater(len(eks.describe_cluster_versions()["clusterVersions"]), 1)


class Ending(unittest.TestCase):
    def test_nothing_outlives_the_emulator(self):
        other = Emulator()
        other.get("/v1/health")
        children = descendants(other.process.pid)
        self.assertTrue(children)
        other.close()
        self.assertEqual([pid for pid in children if alive(pid)], [])


def ticks():
    return emulator.journal(source="aws.events")


def descendants(pid):
    """The processes below one; those that end meanwhile may be among them."""
    found = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                found += [int(child) for child in (task / "children").read_text().split()]
    return found + [other for child in found for other in descendants(child)]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


if __name__ == "__main__":
    unittest.main()
