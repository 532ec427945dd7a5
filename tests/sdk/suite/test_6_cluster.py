"""The cluster by hand: create, update, delete, force-delete. Last, since it ends what the other cases use."""

import contextlib
import io
import unittest

from aqueduct import op
from aqueduct.constants.enums import ExecutionStatus
from aqueduct.error import InvalidRequestError, UnprocessableEntityError

from . import world


def said(call):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        call()
    return out.getvalue()


class Cluster(unittest.TestCase):
    def setUp(self):
        self.k8s = world.cluster()

    def test_1_active_cluster_is_not_created_again(self):
        world.status_of(self.k8s, "Active")
        self.assertIn("already", said(self.k8s.create))
        self.assertEqual(self.k8s.status(), "Active")

    def test_2_it_describes_itself(self):
        self.assertIn(world.ENGINE, said(self.k8s.describe))

    @world.once
    def test_3_update_changes_the_settings(self):
        said(lambda: self.k8s.update({"max_cpu_node": 4}))
        world.status_of(self.k8s, "Active")
        settings = world.get(f"/v1/clusters/{world.ENGINE}").json()["settings"]
        self.assertEqual((settings["max_cpu_node"], settings["keepalive"]), (4, 1800))

    def test_4_update_that_contradicts_the_settings_is_refused(self):
        with self.assertRaisesRegex((InvalidRequestError, UnprocessableEntityError), "cpu_node"):
            said(lambda: self.k8s.update({"min_cpu_node": 11}))

    def test_5_setting_that_does_not_exist_never_leaves_the_client(self):
        with self.assertRaises(ValueError):
            self.k8s.update({"colour": "blue"})

    def test_6_cluster_in_use_is_deleted_by_force_only(self):
        @op(engine=world.ENGINE, requirements=[])
        def busy():
            import time

            time.sleep(600)

        flow = world.publish("busy", busy.lazy())
        world.wait("the operator runs", lambda: self.busy(flow))
        with self.assertRaisesRegex(UnprocessableEntityError, "(?i)run|force"):
            said(self.k8s.delete)
        said(lambda: self.k8s.delete(force=True))
        world.status_of(self.k8s, "Terminated")
        self.assertEqual(world.finished(flow).status(), ExecutionStatus.FAILED)
        self.assertIn("already", said(self.k8s.delete))

    def test_7_update_of_a_cluster_that_is_not_there_is_not_sent(self):
        self.assertIn("only support", said(lambda: self.k8s.update({"max_cpu_node": 2})))

    @world.once
    def test_8_created_by_hand_and_deleted_when_idle(self):
        self.assertIn("Terminated", said(lambda: self.k8s.create({"keepalive": 1200})))
        self.assertIn(self.k8s.status(), ("Creating", "Active"))
        world.status_of(self.k8s, "Active")
        settings = world.get(f"/v1/clusters/{world.ENGINE}").json()["settings"]
        self.assertEqual(settings["keepalive"], 1200)
        said(self.k8s.delete)
        world.status_of(self.k8s, "Terminated")

    def test_9_account_goes_with_its_cluster(self):
        world.client().delete_integration("aws")
        self.assertNotIn(world.ENGINE, world.client().list_integrations())

    def busy(self, flow):
        run = flow.list_runs()
        if not run:
            return False
        shown = world.get(f"/v1/runs/{run[0]['run_id']}").json()
        return any(operator["status"] == "running" for operator in shown["operators"])
