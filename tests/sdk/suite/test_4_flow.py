"""One flow that has everything in it, run once: artifacts of every type, parameters, metrics, checks, resources."""

import contextlib
import io
import unittest

import pandas
from aqueduct import check, metric, op
from aqueduct.constants.enums import CheckSeverity, ExecutionStatus
from PIL import Image

from . import world

ENGINE = world.ENGINE
PARAMETERS = {
    "text": "plain text", "json_text": '{"a": [1]}', "number": 7, "fraction": 0.5, "flag": True,
    "mapping": {"a": 1}, "things": [1, "two"], "pair": (1, 2), "raw": b"\x00\xff", "members": {1, 2},
    "frame": pandas.DataFrame({"x": [1, 2, 3]}),
}
TYPES = {
    "text": "string", "json_text": "json", "number": "numeric", "fraction": "numeric", "flag": "boolean",
    "mapping": "dictionary", "things": "list", "pair": "tuple", "raw": "bytes", "members": "picklable",
    "frame": "table",
}


def operators():
    """All of the flow's artifacts, built without running anything."""
    client = world.client()
    built = []

    @op(engine=ENGINE, requirements=[])
    def a_string():
        print("to stdout")
        return "words"

    @op(engine=ENGINE, requirements=[])
    def a_json():
        return '[1, {"b": null}]'

    @op(engine=ENGINE, requirements=[])
    def a_boolean():
        return True

    @op(engine=ENGINE, requirements=[])
    def a_dictionary():
        return {"nested": {"list": [1]}}

    @op(engine=ENGINE, requirements=[])
    def a_tuple():
        return (1, "two")

    @op(engine=ENGINE, requirements=[])
    def some_bytes():
        return b"\x00\x01\xfe"

    @op(engine=ENGINE, requirements=[])
    def a_set():
        return {1, 2}

    @op(engine=ENGINE, requirements=[])
    def mixed_list():
        return [1, {2, 3}]

    @op(engine=ENGINE, requirements=["Pillow==9.4.0"])
    def an_image():
        from PIL import Image

        return Image.new("RGB", (8, 4), (200, 10, 10))

    @op(engine=ENGINE, requirements=["pandas==1.5.3", "numpy==1.24.2"])
    def a_table(frame):
        return frame.assign(y=frame["x"] * 2)

    @op(engine=ENGINE, requirements=[], outputs=["low", "high"])
    def split(number):
        return number - 1, number + 1

    @op(engine=ENGINE, requirements=[], resources={"num_cpus": 1, "memory": "256MB"})
    def sized():
        return 1

    gpu = {"gpu_resource_name": "nvidia.com/gpu", "cuda_version": "11.8.0"}

    @op(engine=ENGINE, requirements=[], resources=gpu)
    def on_gpu():
        return 2

    @op(engine=ENGINE, requirements=["python-slugify==8.0.1"])
    def with_library():
        from slugify import slugify

        return slugify("Words With Blanks")

    @op(engine=ENGINE, requirements=[])
    def told(text, json_text, number, fraction, flag, mapping, things, pair, raw, members):
        values = (text, json_text, number, fraction, flag, mapping, things, pair, raw, members)
        return [type(value).__name__ for value in values]

    @metric(engine=ENGINE, requirements=[])
    def doubled(number):
        return number * 2

    @check(engine=ENGINE, requirements=[], severity=CheckSeverity.ERROR)
    def is_even(value):
        return value % 2 == 0

    @check(engine=ENGINE, requirements=[], severity=CheckSeverity.WARNING)
    def is_huge(value):
        return value > 1e6

    parameters = {name: client.create_param(name, default=value) for name, value in PARAMETERS.items()}
    frame = parameters.pop("frame")
    simple = [a_string, a_json, a_boolean, a_dictionary, a_tuple, some_bytes, a_set, mixed_list, an_image, sized,
              on_gpu, with_library]
    built += [make.lazy() for make in simple]
    table = a_table.lazy(frame)
    built += [table, told.lazy(*parameters.values()), *split.lazy(parameters["number"])]
    value = doubled.lazy(parameters["number"])
    built += [value, is_even.lazy(value), is_huge.lazy(value)]
    built += [value.bound(upper=100, lazy=True), frame.number_of_rows(lazy=True)]
    built += [table.system_metric("runtime", lazy=True), table.system_metric("max_memory", lazy=True)]
    return built


class Everything(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.flow = world.publish("everything", operators(), description="all of it")
        cls.run_ = world.succeeded(cls.flow)

    def value(self, name, kind, expected):
        artifact = self.run_.artifact(name)
        self.assertIsNotNone(artifact, f"the run has no artifact '{name}'")
        self.assertEqual((artifact.type().value, artifact.get()), (kind, expected))

    def test_string(self):
        self.value("a_string artifact", "string", "words")

    def test_json(self):
        self.value("a_json artifact", "json", '[1, {"b": null}]')

    def test_boolean(self):
        self.value("a_boolean artifact", "boolean", True)

    def test_dictionary(self):
        self.value("a_dictionary artifact", "dictionary", {"nested": {"list": [1]}})

    def test_tuple(self):
        self.value("a_tuple artifact", "tuple", (1, "two"))

    def test_bytes(self):
        self.value("some_bytes artifact", "bytes", b"\x00\x01\xfe")

    def test_picklable(self):
        self.value("a_set artifact", "picklable", {1, 2})

    def test_list_that_json_cannot_hold(self):
        self.value("mixed_list artifact", "list", [1, {2, 3}])

    def test_image(self):
        image = self.run_.artifact("an_image artifact").get()
        self.assertIsInstance(image, Image.Image)
        self.assertEqual(image.size, (8, 4))

    def test_table(self):
        got = self.run_.artifact("a_table artifact").get()
        pandas.testing.assert_frame_equal(got, pandas.DataFrame({"x": [1, 2, 3], "y": [2, 4, 6]}))

    def test_several_outputs(self):
        self.value("low", "numeric", 6)
        self.value("high", "numeric", 8)

    def test_cpus_and_memory(self):
        self.value("sized artifact", "numeric", 1)

    def test_gpu_with_cuda(self):
        self.value("on_gpu artifact", "numeric", 2)

    def test_requirements(self):
        self.value("with_library artifact", "string", "words-with-blanks")

    def test_parameters_reach_the_function_as_what_they_are(self):
        names = ["str", "str", "int", "float", "bool", "dict", "list", "tuple", "bytes", "set"]
        self.value("told artifact", "list", names)

    def test_parameters_are_artifacts_of_the_run(self):
        for name, kind in TYPES.items():
            with self.subTest(name):
                artifact = self.run_.artifact(name)
                self.assertEqual(artifact.type().value, kind)
                if name != "frame":
                    self.assertEqual(artifact.get(), PARAMETERS[name])

    def test_metric(self):
        self.value("doubled artifact", "numeric", 14)

    def test_error_check_that_passes(self):
        self.value("is_even artifact", "boolean", True)

    def test_warning_check_that_fails_lets_the_run_succeed(self):
        self.value("is_huge artifact", "boolean", False)

    def test_bound_and_preset_metric_run_though_they_name_no_engine(self):
        names = [artifact.name for artifact in self.run_._dag.artifacts.values()]
        bound = next(name for name in names if name.startswith("less than 100"))
        rows = next(name for name in names if "num_rows" in name or "rows" in name)
        self.assertTrue(self.run_.artifact(bound).get())
        self.assertEqual(self.run_.artifact(rows).get(), 3)

    def test_system_metrics(self):
        names = [artifact.name for artifact in self.run_._dag.artifacts.values()]
        for word in ("runtime", "max_memory"):
            with self.subTest(word):
                name = next(name for name in names if word in name)
                self.assertGreater(self.run_.artifact(name).get(), 0)

    def test_run_and_flow_describe_themselves(self):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            self.run_.describe()
            self.flow.describe()
        self.assertIn(str(self.flow.id()), out.getvalue())

    def test_flow_is_listed(self):
        entry = next(e for e in world.client().list_flows() if e["flow_id"] == str(self.flow.id()))
        self.assertEqual(entry["description"], "all of it")
        self.assertIn("succeeded", entry["last_run_status"].lower())

    def test_run_can_be_fetched_by_its_id(self):
        fetched = self.flow.fetch(self.run_.id())
        self.assertEqual((fetched.id(), fetched.status()), (self.run_.id(), ExecutionStatus.SUCCEEDED))

    def test_nothing_was_saved_elsewhere(self):
        self.assertEqual(dict(self.flow.list_saved_objects()), {})

    def test_artifact_that_is_not_there_is_none(self):
        self.assertIsNone(self.run_.artifact("no such artifact"))
