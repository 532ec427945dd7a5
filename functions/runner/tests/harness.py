"""Runs the runner against a control plane in this process."""

import contextlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
import zipfile

from ondemand_runner import process, requirements

from .plane import RUNNER, TOKEN, Plane

CACHE = (
    pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "ondemand-eks" / "runner-tests"
)
LIBRARIES = sorted(pin for pins in requirements.PINS.values() for pin in pins)
SHIM = """
import cloudpickle

class Function:
    def __init__(self):
        with open("./model.pkl", "rb") as file:
            self.function = cloudpickle.load(file)

    def predict(self, *args):
        return self.function(*args)
"""
# Runs in the libraries' environment: pickles the function that standard input defines, as a client's `__main__` would.
PICKLE = """
import cloudpickle, sys
exec(sys.stdin.read())
sys.stdout.buffer.write(cloudpickle.dumps(operator))
"""


def libraries():
    """A Python that has all the pinned libraries; made once and kept."""
    with tempfile.TemporaryDirectory() as folder:
        return requirements.interpreter(LIBRARIES, [], str(CACHE), process.Logs(folder), dict(os.environ))


class RunnerCase(unittest.TestCase):
    maxDiff = None
    leaves_files = False

    def setUp(self):
        self.plane = Plane()
        self.addCleanup(self.plane.close)
        self.environment = {
            "ONDEMAND_API_URL": self.plane.address,
            "ONDEMAND_JOB_TOKEN": TOKEN,
            "ONDEMAND_CACHE_DIR": str(CACHE),
            # Far more than any test makes it wait; those that are about its end have their own.
            "ONDEMAND_PATIENCE_SECONDS": "300",
            "ONDEMAND_DELIVERY_PATIENCE_SECONDS": "300",
            "ONDEMAND_POD": "pod-1",
            "ONDEMAND_NODE": "node-1",
            "TMPDIR": self.enterContext_(tempfile.TemporaryDirectory()),
        }

    def enterContext_(self, manager):
        """`enterContext` of newer Pythons."""
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        return stack.enter_context(manager)

    def source(self, text, requirements=(), **more):
        """Runs source text that defines `operator`."""
        code = {
            "type": "source",
            "source": textwrap.dedent(text),
            "entry_point": "operator",
            "requirements": list(requirements),
        }
        return self.run_job(code, **more)

    def package(self, text, requirements=None, files=(), **more):
        """Runs a package as the client library makes them."""
        self.plane.objects["package"] = self.zipped(
            text, LIBRARIES if requirements is None else requirements, dict(files)
        )
        return self.run_job({"type": "package", "url": self.plane.url("package"), "entry_point": None}, **more)

    def zipped(self, text, lines, files):
        pickled = subprocess.run(
            [libraries(), "-I", "-c", PICKLE], input=textwrap.dedent(text).encode(), stdout=subprocess.PIPE, check=True
        )
        content = {
            "": "",
            "model.py": SHIM,
            "requirements.txt": "\n".join([*lines, "", requirements.PINS["cloudpickle"][0]]),
            "json.py": "raise ImportError('an operator called json shadows the library')",
            "python_version.txt": "%d.%d" % sys.version_info[:2],
            "model.pkl": pickled.stdout,
            **files,
        }
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, data in content.items():
                archive.writestr(f"c7ac3cbb/{name}", data)
        return buffer.getvalue()

    def run_job(
        self,
        code,
        inputs=(),
        outputs=("untyped",),
        kind="function",
        severity=None,
        timeout=None,
        name="my op",
        start=None,
    ):
        """Runs a job to its end. `inputs` names artifacts of earlier runs of this test."""
        self.plane.manifest = {
            "run_id": "r", "operator_id": "o", "operator_name": name, "attempt": 1, "kind": kind, "severity": severity, "code": code,
            "inputs": [
                {"name": key, "content_url": self.plane.url(f"{key}/content"), "metadata_url": self.plane.url(f"{key}/metadata")}
                for key in inputs
            ],
            "outputs": [
                {
                    "artifact_id": f"out{index}", "name": f"out {index}", "expected_type": expected,
                    "content_url": self.plane.url(f"out{index}/content"), "metadata_url": self.plane.url(f"out{index}/metadata"),
                }
                for index, expected in enumerate(outputs)
            ],
            "logs_url": self.plane.url("logs"), "timeout_seconds": timeout,
        }  # fmt: skip
        return self.start(start or [sys.executable, "-I", str(RUNNER)])

    def start(self, command):
        environment = {**os.environ, **self.environment}
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        self.addCleanup(self.process.stdout.close)
        self.addCleanup(self.process.stderr.close)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        self.stdout, self.stderr = (text.decode() for text in self.process.communicate(timeout=900))
        self.code = self.process.returncode
        if not self.leaves_files:
            self.assertEqual([], os.listdir(self.environment["TMPDIR"]), "the runner left files behind")
        self.outcome = self.plane.outcomes[-1] if self.plane.outcomes else None
        return self.outcome

    def artifact(self, index=0):
        """(content, metadata) of an output."""
        key = f"out{index}/"
        return self.plane.objects.get(f"{key}content"), json.loads(self.plane.objects.get(f"{key}metadata", "null"))

    def assert_succeeded(self):
        self.assertEqual(
            ("succeeded", None, None),
            (self.outcome["status"], self.outcome["failure_type"], self.outcome["error"]),
            self.outcome,
        )
        self.assertEqual(0, self.code)

    def assert_failed(self, failure_type, tip):
        self.assertEqual(("failed", failure_type), (self.outcome["status"], self.outcome["failure_type"]), self.outcome)
        self.assertRegex(self.outcome["error"]["tip"], tip)
        self.assertIsInstance(self.outcome["error"]["context"], str)
        self.assertEqual(1, self.code)

    def assert_gone(self, child):
        deadline = time.monotonic() + 300
        while True:
            try:
                with open(f"/proc/{child}/stat") as file:
                    if file.read().split()[2] == "Z":
                        return  # dead, and nobody has asked
            except (FileNotFoundError, ProcessLookupError):
                return
            self.assertLess(time.monotonic(), deadline, "the function still runs")
            os.sched_yield()
