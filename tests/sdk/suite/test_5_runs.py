"""Publishing again, triggering, schedules, cascades, retention, failures and deletion."""

import contextlib
import io
import json
import unittest

import aqueduct
import requests
from aqueduct import op
from aqueduct.constants.enums import ExecutionStatus
from aqueduct.error import (
    ArtifactNeverComputedException, InvalidRequestError, InvalidUserArgumentException, UnprocessableEntityError,
)

from . import world

ENGINE = world.ENGINE
REFUSALS = (InvalidRequestError, UnprocessableEntityError)


@contextlib.contextmanager
def silent():
    with contextlib.redirect_stdout(io.StringIO()) as out:
        yield out


def greeting(who="world"):
    @op(engine=ENGINE, requirements=[])
    def greet(who):
        return f"hello {who}"

    return greet.lazy(world.client().create_param("who", default=who))


class Runs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client = world.client()

    def test_trigger_with_and_without_parameters(self):
        flow = world.publish("greeting", greeting())
        self.assertEqual(world.succeeded(flow).artifact("greet artifact").get(), "hello world")
        world.trigger(flow, {"who": "moon"})
        run = world.succeeded(flow, runs=2)
        self.assertEqual(run.artifact("greet artifact").get(), "hello moon")
        self.assertEqual(run.artifact("who").get(), "moon")
        world.trigger(flow)
        self.assertEqual(world.succeeded(flow, runs=3).artifact("greet artifact").get(), "hello world")
        with self.assertRaises(InvalidUserArgumentException):
            world.trigger(flow, {"nobody": 1})

    def test_published_again_it_is_the_same_flow_with_a_new_version(self):
        name = world.unique("again")
        publish = lambda who: self.client.publish_flow(name=name, artifacts=greeting(who), engine=ENGINE)
        first = publish("one")
        one = world.succeeded(first)
        second = publish("two")
        self.assertEqual(first.id(), second.id())
        self.assertEqual(world.succeeded(second, runs=2).artifact("greet artifact").get(), "hello two")
        old = second.fetch(one.id())
        self.assertEqual(old.artifact("greet artifact").get(), "hello one", "a run shows the version it ran")

    def test_not_run_now(self):
        flow = world.publish("later", greeting(), run_now=False)
        self.assertEqual(flow.list_runs(), [])
        self.assertIsNone(flow.latest())

    def test_failure_cancels_what_depends_on_it_and_nothing_else(self):
        @op(engine=ENGINE, requirements=[])
        def broken():
            print("so far so good")
            return 1 / 0

        @op(engine=ENGINE, requirements=[])
        def after(value):
            return value

        @op(engine=ENGINE, requirements=[])
        def beside():
            return 1

        flow = world.publish("failing", [after.lazy(broken.lazy()), beside.lazy()])
        run = world.finished(flow)
        self.assertEqual(run.status(), ExecutionStatus.FAILED)
        self.assertEqual(run.artifact("beside artifact").get(), 1)
        with self.assertRaises(ArtifactNeverComputedException):
            run.artifact("after artifact").get()
        with silent() as out:
            run.describe()
        self.assertIn("ZeroDivisionError: division by zero", out.getvalue())
        self.assertIn("return 1 / 0", out.getvalue())
        self.assertIn("so far so good", out.getvalue())

    @world.newer
    def test_snapshot_that_is_disabled_is_not_kept(self):
        artifact = greeting()
        artifact.disable_snapshot()
        run = world.succeeded(world.publish("unkept", artifact))
        self.assertIsNone(run.artifact("greet artifact").get())
        self.assertEqual(run.artifact("who").get(), "world")

    def test_schedules(self):
        schedules = {
            "hourly": (aqueduct.hourly(minute=5), "5 * * * *"),
            "daily": (aqueduct.daily(hour=4, minute=30), "30 4 * * *"),
            "weekly": (aqueduct.weekly(aqueduct.DayOfWeek.SUNDAY), "0 0 * * 7"),
            "monthly": (aqueduct.monthly(day=aqueduct.DayOfMonth(3)), "0 0 3 * *"),
            "own": ("*/10 8-18 * * mon-fri", "*/10 8-18 * * mon-fri"),
        }
        for name, (schedule, expected) in schedules.items():
            with self.subTest(name):
                flow = world.publish(name, greeting(), schedule=schedule, run_now=False)
                shown = world.get(f"/api/v2/workflow/{flow.id()}").json()["schedule"]
                self.assertEqual((shown["trigger"], shown["cron_schedule"]), ("periodic", expected))

    def test_schedule_runs_the_flow_by_itself(self):
        # The sixth field is the seconds'.
        flow = world.publish("ticking", greeting(), schedule="* * * * * */2", run_now=False)
        run = world.succeeds_by_itself(flow)
        self.assertEqual(run.artifact("greet artifact").get(), "hello world")
        self.client.delete_flow(flow_id=self.unscheduled(flow).id())

    def test_cascade_runs_after_its_source_and_a_circle_is_refused(self):
        source = world.publish("source", greeting(), run_now=False)
        following = world.publish("following", greeting("follower"), source_flow=source.id(), run_now=False)
        shown = world.get(f"/api/v2/workflow/{following.id()}").json()["schedule"]
        self.assertEqual((shown["trigger"], shown["source_id"]), ("cascade", str(source.id())))
        with self.assertRaisesRegex(REFUSALS, "(?i)cycl|circle|itself"):
            self.client.publish_flow(
                name=source.name(), artifacts=greeting(), engine=ENGINE, source_flow=following.id(), run_now=False)
        world.trigger(source)
        self.assertEqual(world.succeeded(following).artifact("greet artifact").get(), "hello follower")

    def test_retention_keeps_the_newest_runs(self):
        flow = world.publish("kept", greeting(), k_latest_runs=1)
        first = world.succeeded(flow).id()
        world.trigger(flow)
        world.wait("the newer run alone", lambda: [run["run_id"] for run in flow.list_runs()] != [str(first)]
                   and len(flow.list_runs()) == 1)
        world.succeeded(flow)

    def test_parameters_of_a_function_called_twice_are_told_apart(self):
        @op(engine=ENGINE, requirements=[])
        def add(a, b):
            return a + b

        @op(engine=ENGINE, requirements=[], outputs=["sum"])
        def named(value):
            return value

        flow = world.publish("twice", named.lazy(add.lazy(add.lazy(1, 2), 3)))
        run = world.succeeded(flow)
        addends = {name: run.artifact(name).get() for name in ("add:a", "add:b", "add:b (1)")}
        self.assertEqual((addends["add:a"], sorted(addends.values()), run.artifact("sum").get()), (1, [1, 2, 3], 6))
        world.trigger(flow, {"add:b (1)": 10})
        self.assertEqual(world.succeeded(flow, runs=2).artifact("sum").get(), 16 - addends["add:b (1)"])

    def test_graphs_with_data_resources_or_images_are_refused(self):
        connector = {"service": "Postgres", "integration_id": world.UNKNOWN, "parameters": {}}
        function = {"type": "file", "language": "Python", "granularity": "table"}
        refused = {
            "data resource": ({"extract": connector}, {"load": connector}),
            "image of its own": ({"function": function, "image": {"registry_id": world.UNKNOWN, "url": "u"}},),
        }
        for words, specs in refused.items():
            for spec in specs:
                with self.subTest(spec):
                    self.refuses(spec, words)

    def refuses(self, spec, words):
        operator = {"id": world.UNKNOWN, "name": "other", "description": "", "spec": spec, "inputs": [], "outputs": []}
        dag = json.dumps({"operators": {world.UNKNOWN: operator}, "artifacts": {}, "metadata": {"name": "other"}})
        for route in ("preview", "workflow/register"):
            address, key = f"{world.ADDRESS}/api/{route}", {"api-key": world.KEY}
            answer = requests.post(address, headers=key, data={"dag": dag}, allow_redirects=False)
            self.assertEqual(answer.status_code, 422, answer.text)
            self.assertIn("operator 'other'", answer.json()["error"])
            self.assertIn(words, answer.json()["error"])

    def unscheduled(self, flow):
        """The flow, which no longer runs by itself, and whose runs are over."""
        self.client.publish_flow(name=flow.name(), artifacts=greeting(), engine=ENGINE, run_now=False)
        world.finished(flow)
        return flow

    def test_deleted_flow_is_gone(self):
        flow = world.publish("deleted", greeting(), run_now=False)
        self.client.delete_flow(flow_id=flow.id())
        self.assertNotIn(str(flow.id()), [entry["flow_id"] for entry in self.client.list_flows()])
        with self.assertRaises(InvalidUserArgumentException):
            self.client.flow(flow_id=flow.id())

    def test_flow_that_is_not_there_is_refused(self):
        with self.assertRaises(InvalidUserArgumentException):
            self.client.flow(flow_id="00000000-0000-0000-0000-000000000001")

    def test_flow_without_a_name_never_leaves_the_client(self):
        with self.assertRaises(InvalidUserArgumentException):
            self.client.publish_flow(name="", artifacts=greeting(), engine=ENGINE)

    def test_gpu_of_another_make_is_refused(self):
        @op(engine=ENGINE, requirements=[], resources={"gpu_resource_name": "example.com/abacus"})
        def counted():
            return 1

        with self.assertRaisesRegex(REFUSALS, "counted.*abacus|abacus"):
            world.publish("abacus", counted.lazy())
