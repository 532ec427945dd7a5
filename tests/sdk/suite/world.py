"""Where the server is, and what the cases need to say to it."""

import configparser
import contextlib
import http.server
import logging
import os
import threading
import time
import unittest
import uuid

import aqueduct
import requests
from aqueduct.constants.enums import ExecutionStatus

API = os.environ["ONDEMAND_API"]
KEY = os.environ["ONDEMAND_KEY"]
CREDENTIALS = os.environ["ONDEMAND_CREDENTIALS"]
# The home folder of the server, which has the credentials under ~/.aws.
HOME = os.environ["ONDEMAND_HOME"]
VERSION = os.environ["SDK_VERSION"]
ADDRESS = f"{API}/sdk/{VERSION}"
DOCUMENTED = "http://localhost:8080"
ENGINE = "aws:aqueduct_ondemand_k8s"
UNKNOWN = "00000000-0000-4000-8000-000000000001"
# Far more than anything here takes, on a slow and busy machine too.
PATIENCE = 1200

once = unittest.skipUnless(VERSION == "0.3.6", "enough is known by trying it with one version")
newer = unittest.skipUnless(VERSION.startswith("0.3."), "this version of the SDK cannot do it")


def client():
    made = aqueduct.Client(KEY, ADDRESS)
    logging.getLogger().setLevel(logging.ERROR)
    return made


def cluster(of="aws"):
    return client().integration(of).k8s


def keys():
    """The access key, the secret and the region of the credentials file."""
    file = configparser.ConfigParser()
    file.read(CREDENTIALS)
    profile = file["default"]
    return {
        "access_key_id": profile["aws_access_key_id"],
        "secret_access_key": profile["aws_secret_access_key"],
        "region": profile["region"],
    }


def unique(name):
    return f"{name}-{uuid.uuid4().hex[:8]}"


def wait(what, look, pause=None, seen=lambda: None):
    """Looks until something is there, and returns it; else tells what `seen` shows."""
    waited, begun = 0, time.monotonic()
    while waited < PATIENCE:
        found = look()
        if found:
            return found
        # Every look is work that others wait for: the longer it takes, the less a moment matters.
        time.sleep(pause or min(max(waited / 10, 0.2), 1.5))
        waited = time.monotonic() - begun
    raise AssertionError(f"not within {PATIENCE} s: {what}; last seen: {seen()}")


def status_of(k8s, status):
    wait(f"the cluster is {status}", lambda: k8s.status() == status, seen=lambda: get(f"/v1/clusters/{k8s.name()}").text)


def finished(flow, runs=1, pause=None):
    """The latest run of a flow, once there are so many and all are over."""

    def over():
        words = [run["status"] for run in flow.list_runs()]
        return len(words) >= runs and "pending" not in words and "running" not in words

    wait("the runs are over", over, pause, seen=lambda: flow.list_runs())
    return flow.latest()


def succeeds_by_itself(flow):
    """A run of a flow that is run again and again, once one has succeeded: there may always be one under way."""

    def done():
        return next((run for run in flow.list_runs() if run["status"] == "succeeded"), None)

    return flow.fetch(wait("a run has succeeded", done, seen=lambda: flow.list_runs())["run_id"])


def succeeded(flow, runs=1, pause=None):
    run = finished(flow, runs, pause)
    if run.status() != ExecutionStatus.SUCCEEDED:
        run.describe()
        raise AssertionError(f"the run is {run.status()}")
    return run


def get(path):
    return requests.get(f"{API}{path}", headers={"api-key": KEY})


def publish(name, artifacts, **options):
    return client().publish_flow(name=unique(name), artifacts=artifacts, engine=ENGINE, **options)


def trigger(flow, parameters=None):
    client().trigger(flow_id=flow.id(), parameters=parameters)


@contextlib.contextmanager
def documented_address():
    """The environment of a program to which http://localhost:8080, where `Client()` goes, is the server.

    That port may be taken on this machine, so it is not used: the program is given a proxy that knows better.
    """

    class Relay(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def relay(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            # A proxy is asked for whole addresses.
            address = self.path
            if address.startswith(DOCUMENTED):
                address = ADDRESS + address.removeprefix(DOCUMENTED)
            # Redirects are for the SDK to follow.
            answer = requests.request(self.command, address, data=body, headers=headers, allow_redirects=False)
            self.send_response(answer.status_code)
            for name in ("content-type", "location"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = relay

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Relay)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    proxy = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield {"http_proxy": proxy, "HTTP_PROXY": proxy, "no_proxy": "", "NO_PROXY": ""}
    finally:
        server.shutdown()
        server.server_close()
