"""What users' functions, values and requirements can do wrong, and what users are told."""

import importlib.util
import os
import signal
import sys
import tempfile
import unittest
import zipfile
from unittest import mock

from ondemand_runner import execute, job, process, requirements
from ondemand_runner.outcome import Failure

from .harness import LIBRARIES, RunnerCase


class UserFailures(RunnerCase):
    def test_exception_shows_the_users_lines_only(self):
        self.source(
            """
            def operator():
                print("before")
                try:
                    {}["missing"]
                except KeyError as error:
                    raise ValueError("no such thing") from error
            """,
            name="look up",
        )
        self.assert_failed(2, "'look up' raised ValueError")
        context = self.outcome["error"]["context"]
        self.assertIn('File "look up.py", line 7, in operator', context)
        self.assertIn('raise ValueError("no such thing") from error', context)
        self.assertIn("KeyError: 'missing'", context)
        self.assertNotIn("ondemand_runner", context)
        self.assertEqual("before\n", self.outcome["user_logs"]["stdout"])

    def test_tips(self):
        for text, tip in (
            ("def operator(argument): pass", "raised TypeError"),
            ("def operator(): import no_such_module", "module 'no_such_module'.*requirements"),
            ("import no_such_module\ndef operator(): pass", "module 'no_such_module'.*requirements"),
            ("def operator(:", "raised SyntaxError"),
            ("def other(): pass\nvalue = 1", "no function 'operator'. It has: other."),
            ("import sys\ndef operator(): sys.exit(0)", r"sys.exit\(0\)"),
            ("def operator(): raise KeyboardInterrupt", "raised KeyboardInterrupt"),
            ("def operator(): raise MemoryError", "Give it more"),
            ("import os\ndef operator(): os._exit(3)", "exit code 3"),
            ("import os\ndef operator(): os.kill(os.getpid(), 9)", r"was killed \(SIGKILL\); nothing tells by whom"),
            ("import os\ndef operator(): os.kill(os.getpid(), 11)", "SIGSEGV"),
            ("import threading\ndef operator(): return threading.Lock()", "'out 0', a lock, cannot be stored"),
            ("def operator(): return '\\ud800'", "'out 0', a str, cannot be stored"),
        ):
            with self.subTest(text):
                self.source(text)
                self.assert_failed(2, tip)
                self.assertNotIn("ondemand_runner", self.outcome["error"]["context"])
                self.assertEqual([], self.outcome["outputs"])

    def test_what_was_printed_before_a_sudden_death_is_kept(self):
        self.source("import os\ndef operator():\n    print('last words')\n    os.kill(os.getpid(), 9)")
        self.assert_failed(2, "killed")
        self.assertEqual("last words\n", self.outcome["user_logs"]["stdout"])

    def test_number_of_outputs(self):
        self.source("def operator(): return 1, 2, 3", outputs=["untyped", "untyped"])
        self.assert_failed(2, "has 2 outputs, but returned 3 values")
        self.source("def operator(): return 1", outputs=["untyped", "untyped"])
        self.assert_failed(2, "has 2 outputs, but returned one value")
        self.assertEqual("", self.outcome["error"]["context"])

    def test_type_of_output(self):
        self.source("def operator(): return 1, 'x'", outputs=["numeric", "json"])
        self.assert_failed(2, "'out 1' must be of type json, but the function returned a value of type string")
        self.assertEqual("", self.outcome["error"]["context"])
        self.assertEqual((None, None), self.artifact())

    def test_tables_that_cannot_be_stored(self):
        for text, tip in (
            ("pandas.DataFrame([[1, 2]], columns=['a', 'a'])", "a occurs more than once"),
            ("pandas.DataFrame([[1]], columns=pandas.MultiIndex.from_tuples([(1, 2)]))", "one level"),
        ):
            with self.subTest(text):
                self.source("import pandas\ndef operator(): return " + text, LIBRARIES)
                self.assert_failed(2, tip)

    def test_timeout(self):
        self.source("import time\ndef operator():\n    print('began')\n    time.sleep(600)", timeout=3)
        self.assert_failed(2, "longer than its 3 seconds")
        self.assertEqual("timed_out", self.outcome["cause"])
        self.assertEqual("began\n", self.outcome["user_logs"]["stdout"])

    def test_timeout_of_what_does_not_want_to_end(self):
        self.source(
            """
            import os, signal, time
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            def operator():
                os.closerange(3, 100)  # what a daemon does first
                time.sleep(600)
            """,
            timeout=1,
        )
        self.assert_failed(2, "longer than its 1 seconds")

    def test_timeout_counts_the_function_only(self):
        """Neither the reading of its inputs nor the writing of its outputs, which take longer here than it may."""
        slow = """
            import time
            class Slow:
                def __reduce__(self):
                    time.sleep(3.2)
                    return made, ()
            def made():
                import time
                time.sleep(3.2)
                return 1
            def operator():
                return {1: Slow()}
        """
        self.source(slow, LIBRARIES, timeout=3)
        self.assert_succeeded()
        for part in ("content", "metadata"):
            self.plane.objects[f"in/{part}"] = self.plane.objects[f"out0/{part}"]
        self.source("def operator(value): return value[1]", LIBRARIES, inputs=["in"], timeout=3)
        self.assert_succeeded()


class Requirements(RunnerCase):
    def setUp(self):
        super().setUp()
        # Nothing is looked up outside: what is not in the cache cannot be found.
        self.environment.update(PIP_NO_INDEX="1", PIP_FIND_LINKS="", ONDEMAND_CACHE_DIR="")

    def test_that_do_not_exist(self):
        self.source("def operator(): pass", ["no-such-package==1.0"])
        self.assert_failed(2, "requirement no-such-package==1.0 cannot be installed")
        self.assertIn("No matching distribution", self.outcome["user_logs"]["stderr"])
        self.assertEqual([], self.plane.started)

    def test_that_hold_a_password(self):
        self.source("def operator(): pass", ["--extra-index-url https://me:hush@127.0.0.1:1/simple", "-r missing.txt"])
        self.assert_failed(2, r"//\*\*\*\*@127.0.0.1:1/simple.* cannot be installed")
        self.assertNotIn("hush", str(self.outcome) + self.stdout + self.stderr)

    def test_that_are_no_requirements(self):
        self.source("def operator(): pass", ["not a requirement"])
        self.assert_failed(2, "requirement.* not a requirement.* cannot be installed")

    @unittest.skipIf(importlib.util.find_spec("pandas"), "this Python has pandas")
    def test_of_artifacts_are_added(self):
        self.source("def operator(): pass", outputs=["table"])
        self.assert_failed(2, requirements.PINS["pandas"][0])

    def test_are_installed_once(self):
        wheels = self.enterContext_(tempfile.TemporaryDirectory())
        make_wheel(wheels, "greeting", "1.0", "WORD = 'hello'")
        source = "import greeting, os, subprocess\ndef operator(): return greeting.WORD, os.environ['VIRTUAL_ENV']"
        self.environment.update(PIP_FIND_LINKS=wheels, ONDEMAND_CACHE_DIR=wheels + "/cache")
        self.source(source, ["greeting == 1.0  # politely"], outputs=["string", "string"])
        self.assert_succeeded()
        self.assertEqual(b"hello", self.artifact(0)[0])
        self.assertEqual("", self.outcome["user_logs"]["stdout"])
        self.assertGreater(self.outcome["timings"]["requirements_seconds"], 0)
        first = self.artifact(1)[0]

        self.environment.update(PIP_FIND_LINKS="")
        self.source(source, ["", "greeting == 1.0"], outputs=["string", "string"])
        self.assert_succeeded()
        self.assertEqual(first, self.artifact(1)[0])

        os.remove(first.decode() + "/complete")
        self.source(source, ["greeting == 1.0"], outputs=["string", "string"])
        self.assert_failed(2, "greeting==1.0 cannot be installed")

    def test_of_the_user_win(self):
        """What artifacts need is added only if the user's requirements do not bring it, in whatever version."""
        wheels = self.enterContext_(tempfile.TemporaryDirectory())
        make_wheel(wheels, "tables-of-mine", "1.0", "", requires="pandas")
        make_wheel(wheels, "pandas", "9.9", "class DataFrame: pass\nclass Series: pass")
        self.environment.update(PIP_FIND_LINKS=wheels)
        self.source("import pandas\ndef operator(): return 1 / 0", ["tables-of-mine"], outputs=["table"])
        self.assert_failed(2, "ZeroDivisionError")

    def test_that_pip_would_not_see(self):
        self.source("def operator(): return 1", ["# a comment", "", "local @ file:///tmp/local"])
        self.assert_succeeded()


def make_wheel(folder, name, version, source, requires=None):
    module = name.replace("-", "_")
    info = "%s-%s.dist-info/" % (module, version)
    files = {
        module + "/__init__.py": source,
        info
        + "METADATA": "Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (name, version)
        + ("Requires-Dist: %s\n" % requires if requires else ""),
        info + "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[info + "RECORD"] = "".join(path + ",,\n" for path in [*files, info + "RECORD"])
    with zipfile.ZipFile("%s/%s-%s-py3-none-any.whl" % (folder, module, version), "w") as wheel:
        for path, content in files.items():
            wheel.writestr(path, content)


class Values(unittest.TestCase):
    def test_that_are_too_large_for_the_store(self):
        with mock.patch.object(execute, "LARGEST_VALUE", 3):
            with self.assertRaisesRegex(Failure, "'big' has 4 bytes.*store of your own"):
                execute.write({"name": "big"}, b"1234", {})


class Printed(unittest.TestCase):
    def test_of_an_endless_log_the_end_is_kept(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(process, "LOG_LIMIT", 1000):
            logs = process.Logs(folder)
            lines = "for n in range(20000): print(n)"
            with open(os.devnull, "w") as nowhere, mock.patch.object(sys, "__stdout__", nowhere):
                process.run([sys.executable, "-c", lines], logs, dict(os.environ), folder)
            self.assertLessEqual(os.path.getsize(os.path.join(folder, "stdout.log")), 2000 + process.CHUNK)
            end = logs.tail(1000)["stdout"]
            self.assertTrue(end.endswith("19998\n19999\n"), end[-50:])
            self.assertEqual(1000, len(end))


class Deaths(unittest.TestCase):
    def test_lack_of_memory_is_told_only_if_it_is_known(self):
        for code in (-signal.SIGKILL, 1):
            failure = job.death("a", code, True)
            self.assertEqual((2, "out_of_memory"), (failure.kind, failure.cause))
            self.assertRegex(failure.tip, "ran out of memory. Ask for more")
        unknown = job.death("a", -signal.SIGKILL, False)
        self.assertEqual((2, None), (unknown.kind, unknown.cause))
        self.assertNotIn("ran out", unknown.tip)

    def test_kills_are_counted_by_both_versions_of_control_groups(self):
        for name, text in (
            ("memory.events", "low 0\nhigh 0\noom 3\noom_kill 2\n"),
            ("memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"),
        ):
            with tempfile.TemporaryDirectory() as folder:
                self.assertIsNone(process.oom_kills(folder))
                os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
                with open(os.path.join(folder, name), "w") as file:
                    file.write(text)
                self.assertEqual(2, process.oom_kills(folder))
