"""Eager calls: each is a run of its own on the cluster, whose values the client gets at once."""

import contextlib
import io
import unittest

import aqueduct
import pandas
from aqueduct import check, metric, op
from aqueduct.constants.enums import CheckSeverity
from aqueduct.error import AqueductError, InvalidUserArgumentException

from . import world

ENGINE = world.ENGINE


class Previews(unittest.TestCase):
    def setUp(self):
        self.client = world.client()

    def test_eager_call_gives_type_and_value_at_once(self):
        @op(engine=ENGINE, requirements=[])
        def numbers():
            print("counting")
            return [1, 2, 3]

        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            artifact = numbers()
        self.assertEqual((artifact.type().value, artifact.get()), ("list", [1, 2, 3]))
        self.assertIn("counting", out.getvalue(), "what the function printed is shown")
        self.assertIn("you are good to go", out.getvalue())

    def test_lazy_chain_is_computed_when_asked_for(self):
        @op(engine=ENGINE, requirements=[])
        def numbers(most):
            return list(range(most))

        @op(engine=ENGINE, requirements=[])
        def total(values):
            return sum(values)

        most = self.client.create_param("most", default=5)
        chain = total.lazy(numbers.lazy(most))
        self.assertEqual(chain.type().value, "untyped")
        self.assertEqual(chain.get(), 10)
        self.assertEqual(chain.get(parameters={"most": 4}), 6, "other values count for one call")

    def test_global_settings_make_calls_lazy_and_name_the_engine(self):
        aqueduct.global_config({"lazy": True, "engine": ENGINE})
        self.addCleanup(aqueduct.global_config, {"lazy": False, "engine": "aqueduct"})

        @op(requirements=[])
        def answer():
            return 42

        artifact = answer()
        self.assertEqual(artifact.type().value, "untyped")
        self.assertEqual(artifact.get(), 42)

    @world.newer
    def test_engine_given_as_an_object_found_by_its_new_name(self):
        @op(engine=self.client.resource("aws").k8s, requirements=[])
        def answer():
            return 42

        self.assertEqual(answer().get(), 42)

    def test_function_can_be_run_without_the_server(self):
        @op(engine=ENGINE, requirements=[])
        def doubled(value):
            return value * 2

        self.assertEqual(doubled.local(4), 8)

    def test_metric_and_checks(self):
        @metric(engine=ENGINE, requirements=[])
        def mean(values):
            return sum(values) / len(values)

        @check(engine=ENGINE, requirements=[], severity=CheckSeverity.WARNING)
        def is_large(value):
            return value > 1000

        values = self.client.create_param("values", default=[1, 2, 3, 6])
        average = mean(values)
        self.assertEqual(average.get(), 3.0)
        self.assertFalse(is_large(average).get(), "a warning does not keep the value from the client")

    def test_failed_error_check_fails_the_preview(self):
        @op(engine=ENGINE, requirements=[])
        def one():
            return 1

        @check(engine=ENGINE, requirements=[], severity=CheckSeverity.ERROR)
        def never(value):
            return False

        with self.assertRaisesRegex(AqueductError, "never"):
            never(one.lazy())

    def test_failure_shows_the_users_own_traceback(self):
        @op(engine=ENGINE, requirements=[])
        def broken(table):
            return table["no such key"]

        value = self.client.create_param("value", default={"a": 1})
        with self.assertRaises(AqueductError) as raised:
            broken(value)
        text = str(raised.exception)
        self.assertIn("KeyError: 'no such key'", text)
        self.assertIn('return table["no such key"]', text)
        self.assertNotIn("ondemand_runner", text, "frames of ours are in the user's traceback")

    def test_exit_of_the_interpreter_is_a_failure_and_not_the_end(self):
        @op(engine=ENGINE, requirements=[])
        def leaves():
            import sys

            sys.exit(3)

        with self.assertRaises(AqueductError) as raised:
            leaves()
        self.assertIn("3", str(raised.exception))

    @world.once
    def test_requirements_that_cannot_be_installed_are_the_users_failure(self):
        @op(engine=ENGINE, requirements=["pandas==0.0.0"])
        def impossible():
            return 1

        with self.assertRaisesRegex(AqueductError, "pandas==0.0.0"):
            impossible()

    @world.once
    def test_table_its_preset_metric_and_a_bound_on_it(self):
        @op(engine=ENGINE, requirements=["pandas==1.5.3", "numpy==1.24.2"])
        def table():
            import pandas

            return pandas.DataFrame({"i": [1, 2], "s": ["a", None]})

        artifact = table()
        expected = pandas.DataFrame({"i": [1, 2], "s": ["a", None]})
        pandas.testing.assert_frame_equal(artifact.get(), expected)
        rows = artifact.number_of_rows()
        self.assertEqual(rows.get(), 2)
        self.assertTrue(rows.bound(equal=2).get())

    def test_files_that_a_function_needs_come_along(self):
        @op(engine=ENGINE, requirements=[], file_dependencies=["attachments/scale.py", "attachments/factor.txt"])
        def scaled(value):
            from attachments.scale import scale

            return scale(value)

        self.assertEqual(scaled(2).get(), 14)

    def test_function_called_twice_has_its_parameters_twice(self):
        @op(engine=ENGINE, requirements=[])
        def add(a, b):
            return a + b

        self.assertEqual(add(add(1, 2), 3).get(), 6)

    def test_several_outputs_are_several_artifacts(self):
        @op(engine=ENGINE, requirements=[], outputs=["quotient", "remainder"])
        def divided(number, by):
            return divmod(number, by)

        quotient, remainder = divided(17, 5)
        self.assertEqual((quotient.name(), quotient.get()), ("quotient", 3))
        self.assertEqual((remainder.name(), remainder.get()), ("remainder", 2))

    @world.once
    def test_request_may_be_as_large_as_is_said_and_no_larger(self):
        @op(engine=ENGINE, requirements=[])
        def size(raw):
            return len(raw)

        self.assertEqual(size(b"x" * 3_000_000).get(), 3_000_000)
        with self.assertRaisesRegex(AqueductError, "larger than the 4.5 MB that can be taken"):
            size(b"x" * 4_000_000)

    def test_memory_that_is_not_written_as_expected_never_leaves_the_client(self):
        with self.assertRaises(InvalidUserArgumentException):

            @op(engine=ENGINE, requirements=[], resources={"memory": "much"})
            def sized():
                return 1

            sized()

    def test_unknown_engine_never_leaves_the_client(self):
        with self.assertRaisesRegex(Exception, "Not connected to compute .*nowhere"):

            @op(engine="nowhere:aqueduct_ondemand_k8s", requirements=[])
            def lost():
                return 1

            lost()
