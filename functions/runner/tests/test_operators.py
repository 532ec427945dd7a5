"""What a working operator gets and gives: packages, source text, metrics, checks, logs."""

import json
import sys

from ondemand_runner import process

from .harness import LIBRARIES, RunnerCase
from .plane import RUNNER, TOKEN


class Source(RunnerCase):
    def test_reports_value_logs_and_measurements(self):
        self.source("""
            import os, sys
            print("while loading")
            def operator():
                print("to stdout")
                print("to stderr", file=sys.stderr)
                os.system("echo from a subprocess")
                return 42
            """)
        self.assert_succeeded()
        content, metadata = self.artifact()
        self.assertEqual(b"42", content)
        self.assertGreater(float(metadata["system_metadata"].pop("runtime")), 0)
        self.assertGreater(float(metadata["system_metadata"].pop("max_memory")), 0)
        self.assertEqual(
            {
                "schema": [],
                "system_metadata": {},
                "artifact_type": "numeric",
                "serialization_type": "json",
                "python_type": "int",
            },
            metadata,
        )
        logs = {"stdout": "while loading\nto stdout\nfrom a subprocess\n", "stderr": "to stderr\n"}
        self.assertEqual(logs, self.outcome["user_logs"])
        self.assertEqual(logs, json.loads(self.plane.objects["logs"]))
        self.assertIn("from a subprocess", self.stdout)
        self.assertIn("to stderr", self.stderr)
        self.assertEqual(
            [{"artifact_id": "out0", "artifact_type": "numeric", "serialization_type": "json", "size_bytes": 2}],
            self.outcome["outputs"],
        )
        self.assertEqual(
            {f"{p}_seconds" for p in ("requirements", "inputs", "function", "outputs")}, set(self.outcome["timings"])
        )
        self.assertEqual(1, len(self.plane.started))
        started = self.plane.started[0]
        self.assertEqual((1, "pod-1", "node-1"), (started["attempt"], started["pod"], started["node"]))
        self.assertGreaterEqual(started["running_for_seconds"], 0)

    def test_token_and_urls_are_out_of_reach(self):
        self.source(
            """
            import os, pathlib
            def operator():
                parts = [str(dict(os.environ))]
                for process in ("self", str(os.getppid())):
                    parts.append(pathlib.Path("/proc", process, "environ").read_text())
                    parts.append(pathlib.Path("/proc", process, "cmdline").read_text())
                for folder, _, names in os.walk(".."):
                    parts += [pathlib.Path(folder, n).read_text(errors="replace") for n in names]
                return "".join(parts)
            """,
            start=bootstrap(),
        )
        self.assert_succeeded()
        seen = self.artifact()[0].decode()
        self.assertIn("ONDEMAND_API_URL", seen)
        self.assertNotIn(TOKEN, seen)
        self.assertNotIn("secret-signature", seen)
        self.assertNotIn(TOKEN, self.stdout + self.stderr)

    def test_arguments_arrive_in_order(self):
        self.source("def operator(): return ['a', b'b', (1, 2)]", outputs=["list"])
        self.source("def operator(): return 7", outputs=["numeric"])
        self.plane.objects.update({"seven/content": b"7", "seven/metadata": self.plane.objects["out0/metadata"]})
        self.source("def operator(): return (1, 'x')", outputs=["tuple"])
        self.source("def operator(a, b): return repr((a, b))", inputs=["seven", "out0"])
        self.assert_succeeded()
        self.assertEqual(b"(7, (1, 'x'))", self.artifact()[0])

    def test_long_logs_keep_their_end(self):
        self.source("def operator():\n    for i in range(60000): print('é', i)")
        self.assert_succeeded()
        stdout = self.outcome["user_logs"]["stdout"]
        self.assertTrue(stdout.endswith("é 59999\n"))
        self.assertLessEqual(len(stdout.encode()), 64 * 1024)
        self.assertTrue(json.loads(self.plane.objects["logs"])["stdout"].startswith("é 0\n"))

    def test_daemons_do_not_keep_the_job(self):
        self.source("import subprocess\ndef operator(): return subprocess.Popen(['sleep', '600']).pid")
        self.assert_succeeded()
        self.assert_gone(int(self.artifact()[0]))


class Package(RunnerCase):
    def test_runs_with_its_libraries_and_files(self):
        self.package(
            """
            def operator():
                import json, os, numpy, pandas
                import helper
                print(open("data/greeting.txt").read())
                return pandas.DataFrame({"i": [helper.one(), 2], "f": [numpy.float64(1 / 3), 1e-12], "s": ["x", None]})
            """,
            files={"helper.py": "def one(): return 1", "data/greeting.txt": "hello"},
            outputs=["table"],
        )
        self.assert_succeeded()
        self.assertEqual("hello\n", self.outcome["user_logs"]["stdout"])
        self.assertEqual([{"i": "int64"}, {"f": "float64"}, {"s": "object"}], self.artifact()[1]["schema"])
        self.assertEqual("DataFrame", self.artifact()[1]["python_type"])

        self.package("def operator(table): return [list(table.columns), table.f.tolist()]", inputs=["out0"])
        self.assert_succeeded()
        self.assertEqual([["i", "f", "s"], [0.333333333333333, 1e-12]], json.loads(self.artifact()[0]))

    def test_of_another_python_is_refused(self):
        self.package("def operator(): pass", files={"python_version.txt": "3.7"})
        self.assert_failed(1, "packed by Python 3.7")

    def test_with_unsafe_entry_is_refused(self):
        self.package("def operator(): pass", files={"../../evil.py": ""})
        self.assert_failed(1, "unsafe entry")

    def test_that_cannot_be_loaded_is_no_user_failure(self):
        self.package("def operator(): pass", files={"model.py": "import no_such_module"})
        self.assert_failed(1, "no_such_module")
        self.assertNotIn("ondemand_runner", self.outcome["error"]["context"])

    def test_traceback_begins_with_the_users_frame(self):
        self.package("def operator(): return 1 / 0")
        self.assert_failed(2, "ZeroDivisionError")
        context = self.outcome["error"]["context"]
        self.assertRegex(context, r"^Traceback \(most recent call last\):\n  File .*in operator\n")
        self.assertNotIn("model.py", context)


class MetricsAndChecks(RunnerCase):
    def test_metric_may_be_a_number_of_numpy(self):
        for text in ("3", "3.5", "numpy.int64(3)", "numpy.float32(0.5)"):
            with self.subTest(text):
                self.source(
                    f"def operator():\n    import numpy\n    return {text}",
                    LIBRARIES,
                    kind="metric",
                    outputs=["numeric"],
                )
                self.assert_succeeded()
                self.assertEqual("numeric", self.artifact()[1]["artifact_type"])
                self.assertLess(float(self.artifact()[0]), 4)

    def test_metric_must_be_a_number(self):
        for text in ("'3'", "True", "None"):
            with self.subTest(text):
                self.source(f"def operator(): return {text}", kind="metric", outputs=["numeric"])
                self.assert_failed(2, "must return a number")
                self.assertEqual("", self.outcome["error"]["context"])
                self.assertEqual([], self.outcome["outputs"])

    def test_check_that_passes(self):
        for text in ("True", "numpy.bool_(True)", "pandas.Series([True, True])"):
            with self.subTest(text):
                self.source(
                    f"def operator():\n    import numpy, pandas\n    return {text}",
                    LIBRARIES,
                    kind="check",
                    outputs=["boolean"],
                )
                self.assert_succeeded()
                self.assertEqual((b"true", "boolean"), (self.artifact()[0], self.artifact()[1]["artifact_type"]))

    def test_check_that_does_not_pass_still_has_its_output(self):
        for severity, failure_type in (("warning", 3), ("error", 2), (None, 2)):
            with self.subTest(severity):
                self.plane.objects.clear()
                self.source("def operator(): return False", kind="check", severity=severity, outputs=["boolean"])
                self.assert_failed(failure_type, "did not pass")
                self.assertEqual(b"false", self.artifact()[0])
                self.assertEqual(1, len(self.outcome["outputs"]))

    def test_check_must_be_true_or_false(self):
        self.source("def operator(): return 1", kind="check", severity="warning", outputs=["boolean"])
        self.assert_failed(2, "must return True or False")
        self.assertEqual((None, None), self.artifact())


def bootstrap():
    """The command line of a pod, but for the path of the interpreter."""
    return [sys.executable, "-c", (RUNNER / "bootstrap.py").read_text()]


class Bootstrap(RunnerCase):
    def test_fetches_the_runner_and_becomes_it(self):
        self.plane.faults["/v1/jobs/runner"] = [503]
        self.source("def operator(): return 'ran'", start=bootstrap())
        self.assert_succeeded()
        self.assertEqual(b"ran", self.artifact()[0])

    def test_gives_up_when_refused(self):
        self.plane.faults["/v1/jobs/runner"] = [403]
        self.source("def operator(): return 'ran'", start=bootstrap())
        self.assertEqual((1, []), (self.code, self.plane.outcomes))
        self.assertIn("cannot fetch the runner", self.stderr)


class Memory(RunnerCase):
    def test_limit_is_a_number_or_unknown(self):
        limit = process.memory_limit_mb()
        self.assertTrue(limit is None or limit > 0)
