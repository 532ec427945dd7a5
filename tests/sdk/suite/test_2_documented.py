"""The snippets of the documents, word for word and in their order, as programs of their own.

`Client()` without arguments takes the key from the home folder and goes to http://localhost:8080.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from . import world

SNIPPETS = pathlib.Path(__file__).parent.parent / "snippets"


class Documented(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        relay = world.documented_address()
        cls.address = relay.__enter__()
        cls.addClassCleanup(relay.__exit__, None, None, None)

    def run_snippet(self, name):
        with tempfile.TemporaryDirectory() as folder:
            program = [sys.executable, str(SNIPPETS / name)]
            environment = {**os.environ, **self.address, "HOME": world.HOME}
            ended = subprocess.run(program, cwd=folder, env=environment, capture_output=True, text=True)
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
        return ended.stdout

    def test_1_connect(self):
        self.run_snippet("1_connect.py")
        self.assertEqual(world.cluster().status(), "Terminated")
        world.client().delete_integration("aws")

    def test_2_connect_with_settings(self):
        self.run_snippet("3_connect_with_settings.py")
        settings = world.get(f"/v1/clusters/{world.ENGINE}").json()["settings"]
        self.assertEqual((settings["keepalive"], settings["max_cpu_node"]), (1800, 10))

    def test_3_run_creates_the_cluster(self):
        said = self.run_snippet("2_run.py")
        self.assertIn("It could take 12-15 minutes", said)
        flow = world.client().flow(flow_id=self.flow_id())
        run = world.succeeded(flow)
        self.assertEqual(run.artifact("run_on_cpu artifact").get(), "This operator only requires CPU to run.")
        self.assertEqual(run.artifact("run_on_gpu artifact").get(), "This operator requires GPU to run.")

    def test_4_update(self):
        self.run_snippet("4_update.py")
        world.status_of(world.cluster(), "Active")

    def flow_id(self):
        flows = world.client().list_flows()
        return next(flow["flow_id"] for flow in flows if flow["name"] == "workflow_with_ondemand_k8s")
