"""Address, key and resources: everything that needs no cluster."""

import contextlib
import io
import json
import unittest

import aqueduct
import requests
from aqueduct.error import (
    ClientValidationError, InvalidRequestError, InvalidUserActionException, UnprocessableEntityError,
)

from . import world

REFUSALS = (InvalidRequestError, UnprocessableEntityError, ClientValidationError)
VERSIONS = ["0.2.8", "0.2.9", "0.2.10", "0.2.11", "0.2.12", "0.3.1", "0.3.2", "0.3.3", "0.3.4", "0.3.5", "0.3.6"]


class Handshake(unittest.TestCase):
    def test_every_version_is_served_under_its_own_path(self):
        for version in VERSIONS:
            with self.subTest(version):
                answer = requests.get(f"{world.API}/sdk/{version}/api/version")
                self.assertEqual((answer.status_code, answer.json()), (200, {"version": version}))

    def test_a_client_refuses_the_path_of_another_version(self):
        other = "0.2.11" if world.VERSION == "0.3.6" else "0.3.1"
        with self.assertRaisesRegex(ClientValidationError, "version"):
            aqueduct.Client(world.KEY, f"{world.API}/sdk/{other}")

    def test_a_wrong_key_is_told_apart_from_a_wrong_address(self):
        with self.assertRaisesRegex(ClientValidationError, "(?i)key"):
            aqueduct.Client("0" * 64, world.ADDRESS)

    def test_a_version_that_is_not_served_is_refused(self):
        answer = requests.get(f"{world.API}/sdk/9.9.9/api/version")
        self.assertEqual(answer.status_code, 404)
        self.assertIn("9.9.9", answer.json()["error"])

    def test_the_built_in_engine_is_always_there(self):
        entries = world.get(f"/sdk/{world.VERSION}/api/{self.family()}s").json()
        word = "Aqueduct" if world.VERSION.startswith("0.3.") else "Aqueduct Engine"
        self.assertEqual((entries[0]["name"], entries[0]["service"]), ("aqueduct", word))

    def test_both_families_of_routes_are_served(self):
        for family in ("integration", "resource"):
            with self.subTest(family):
                headers = {"api-key": world.KEY, f"{family}-ids": "[]"}
                answer = requests.get(f"{world.ADDRESS}/api/{family}/dynamic-engine/status", headers=headers)
                self.assertEqual((answer.status_code, answer.json()), (200, []))

    def test_the_client_describes_itself(self):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            world.client().describe()
        self.assertIn("-aqueduct", out.getvalue())

    def test_what_this_server_does_not_do_is_refused_with_a_reason(self):
        answer = requests.post(f"{world.ADDRESS}/api/workflow/register/airflow", headers={"api-key": world.KEY})
        self.assertIn(answer.status_code, (404, 422))
        self.assertIn("Airflow", answer.json()["error"])

    @staticmethod
    def family():
        return "resource" if world.VERSION in ("0.3.5", "0.3.6") else "integration"


class Connecting(unittest.TestCase):
    def setUp(self):
        self.client = world.client()
        self.name = world.unique("account")

    def connect(self, service="AWS", **config):
        self.client.connect_integration(name=self.name, service=service, config=config)

    def refused(self, pattern, **config):
        with self.assertRaisesRegex(REFUSALS, pattern):
            self.connect(**config)
        listed = self.client.list_integrations()
        self.assertFalse([name for name in listed if name.startswith(self.name)], "something is left of a refusal")

    def with_settings(self, **settings):
        return {"config_file_path": world.CREDENTIALS, "config_file_profile": "default", "k8s": settings}

    def test_with_keys_two_entries_appear_and_both_go(self):
        self.connect(**world.keys())
        listed = self.client.list_integrations()
        self.assertEqual(listed[self.name].service.value, "AWS")
        self.assertEqual(listed[f"{self.name}:aqueduct_ondemand_k8s"].service.value, "Kubernetes")
        self.client.delete_integration(self.name)
        self.assertFalse([name for name in self.client.list_integrations() if name.startswith(self.name)])

    def test_with_a_file_the_cluster_is_there_and_not_created(self):
        self.connect(config_file_path=world.CREDENTIALS, config_file_profile="default")
        k8s = self.client.integration(self.name).k8s
        self.assertEqual((k8s.name(), k8s.status()), (f"{self.name}:aqueduct_ondemand_k8s", "Terminated"))
        self.client.delete_integration(self.name)

    def test_with_all_settings(self):
        self.connect(**self.with_settings(
            keepalive=1800, cpu_node_type="m5.large", gpu_node_type="g4dn.xlarge", min_cpu_node=1, max_cpu_node=3,
            min_gpu_node=0, max_gpu_node=2,
        ))
        shown = world.get(f"/v1/clusters/{self.name}:aqueduct_ondemand_k8s").json()["settings"]
        self.assertEqual((shown["keepalive"], shown["cpu_node_type"], shown["max_cpu_node"], shown["max_gpu_node"]),
                         (1800, "m5.large", 3, 2))
        self.client.delete_integration(self.name)

    def test_a_name_is_given_once(self):
        self.connect(**world.keys())
        with self.assertRaisesRegex(InvalidUserActionException, self.name):
            self.connect(**world.keys())
        # The SDK itself looks first; the server must not rely on it.
        headers = {"api-key": world.KEY, "resource-name": self.name, "resource-service": "AWS"}
        headers["resource-config"] = json.dumps(world.keys())
        again = requests.post(f"{world.ADDRESS}/api/resource/connect", headers=headers)
        self.assertIn(again.status_code, (400, 422))
        self.assertIn(self.name, again.json()["error"])
        self.client.delete_integration(self.name)

    def test_no_credentials_are_refused(self):
        self.refused("access_key_id|config_file_path")

    def test_half_of_the_keys_are_refused(self):
        self.refused("secret_access_key|region", access_key_id="AKIA0000000000000000")

    def test_keys_and_file_together_are_refused(self):
        file = {"config_file_path": world.CREDENTIALS, "config_file_profile": "default"}
        self.refused("both|either|one", **world.keys(), **file)

    def test_a_file_that_is_not_there_is_looked_for_on_the_server(self):
        self.refused("machine of the server", config_file_path="~/no/such/file", config_file_profile="default")

    def test_a_profile_that_is_not_there_is_refused(self):
        self.refused("nobody", config_file_path=world.CREDENTIALS, config_file_profile="nobody")

    def test_credentials_that_aws_does_not_accept_are_refused(self):
        wrong_secret = {**world.keys(), "secret_access_key": "x" * 40}
        self.refused("does not accept these credentials.*does not match", **wrong_secret)
        unknown_key = {**world.keys(), "access_key_id": "AKIA0000000000000000"}
        self.refused("does not accept these credentials.*token.* is invalid", **unknown_key)

    def test_a_keepalive_that_is_no_number_is_refused(self):
        self.refused("keepalive", **self.with_settings(keepalive="ten"))

    def test_a_negative_keepalive_is_refused(self):
        self.refused("keepalive", **self.with_settings(keepalive=-1))

    def test_more_nodes_at_least_than_at_most_are_refused(self):
        self.refused("min_cpu_node|max_cpu_node", **self.with_settings(min_cpu_node=5, max_cpu_node=2))

    def test_a_minimum_above_the_default_maximum_is_refused(self):
        self.refused("min_gpu_node|max_gpu_node", **self.with_settings(min_gpu_node=3))

    def test_an_instance_type_that_cannot_be_one_is_refused(self):
        self.refused("cpu_node_type", **self.with_settings(cpu_node_type="large"))

    def test_other_services_are_refused(self):
        config = {"username": "u", "password": "p", "database": "d", "host": "h", "port": "5432"}
        with self.assertRaisesRegex(REFUSALS, "Postgres|AWS"):
            self.connect(service="Postgres", **config)

    def test_the_cluster_does_not_go_alone(self):
        self.connect(**world.keys())
        with self.assertRaisesRegex(REFUSALS, "delete that resource"):
            self.client.delete_integration(f"{self.name}:aqueduct_ondemand_k8s")
        self.client.delete_integration(self.name)
