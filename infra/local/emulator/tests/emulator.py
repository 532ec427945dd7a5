"""An emulator for the tests, with the real template and state machines and toy functions deployed."""

import http.server
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import botocore.session

HERE = Path(__file__).parent
ROOT = HERE.parents[3]
STACK = "toy"

BUILDSPEC = """
version: 0.2
env:
  shell: bash
  variables:
    FROM_SPEC: spec
phases:
  install:
    commands:
      - export CARRIED=over
      - cd infra
  pre_build:
    commands:
      - test "$CARRIED" = over
      - test "$(basename "$PWD")" = infra
      - test "$TARGET_CREDENTIALS" = "very secret thing"
      - echo "credentials are $TARGET_CREDENTIALS"
  build:
    commands:
      - echo "building $CLUSTER_ID $FROM_SPEC with $(aws --version)"
      - if [ "$ACTION" = wait ]; then timeout 600 sleep 600 & echo $! >"$PID_FILE"; wait; fi
      - test "$ACTION" != broken
    finally:
      - echo finally
  post_build:
    commands:
      - echo "succeeding $CODEBUILD_BUILD_SUCCEEDING"
"""


CLUSTER = {
    "name": "ondemand-1",
    "status": "ACTIVE",
    "version": "1.34",
    "endpoint": "https://127.0.0.1:1",
    "certificate_authority": "Q0E=",
    "created_at": "2026-01-02T03:04:05Z",
    "tags": {"ondemand-eks:generation": "1"},
}


class LocalAccount(http.server.BaseHTTPRequestHandler):
    """The part of the local account that EKS is read from: it has one cluster."""

    def do_GET(self):
        known = {"/clusters": {"clusters": [CLUSTER]}, "/clusters/ondemand-1": CLUSTER}
        self.send_response(200 if self.path in known else 404)
        self.end_headers()
        self.wfile.write(json.dumps(known.get(self.path, {})).encode())

    def log_message(self, *_):
        pass


class Emulator:
    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="emulator-test-")
        self.folder = Path(self._folder.name)
        self.journal_path = self.folder / "journal"
        self.journal_path.touch()
        # Ours from now on: a port that is only known to be free may be somebody else's when it is listened on.
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.account = http.server.ThreadingHTTPServer(("127.0.0.1", 0), LocalAccount)
        threading.Thread(target=self.account.serve_forever, daemon=True).start()
        for name in ("state", "s3", "tmp"):
            (self.folder / name).mkdir()
        environment = {
            **os.environ,
            "GATEWAY_PORT": str(port),
            "GATEWAY_SOCKET": str(listener.fileno()),
            "STATE_DIR": str(self.folder / "state"),
            "S3_DATA_DIR": str(self.folder / "s3"),
            "TMPDIR": str(self.folder / "tmp"),
            "BUILD_LOG_DIR": str(self.folder / "logs"),
            "FUNCTION_LOG_DIR": str(self.folder / "logs"),
            "EMULATOR_FAULTS": str(self.folder / "faults.json"),
            "EMULATOR_FAULTS_JOURNAL": str(self.folder / "struck.jsonl"),
            "TOY_JOURNAL": str(self.journal_path),
            "LOCAL_ACCOUNT_URL": f"http://127.0.0.1:{self.account.server_address[1]}",
            # `#!/usr/bin/env python3` of the toy functions needs the packages of ours.
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "SFN_WAIT_SCALE": "0",
            "EMULATOR_TICK_SECONDS": "0.2",
            "EMULATOR_RATE_SECONDS": "0.5",
            "EMULATOR_STOP_GRACE_SECONDS": "2",
        }
        self.log = open(self.folder / "emulator.log", "w+", encoding="utf-8")
        with listener:
            self.process = subprocess.Popen(
                [sys.executable, str(HERE.parent / "launch.py")],
                env=environment,
                stdout=self.log,
                stderr=self.log,
                pass_fds=[listener.fileno()],
            )
        try:
            until(self._healthy, "the emulator to be healthy")
            self._deploy()
        except BaseException:
            print(self.tail(), file=sys.stderr)
            self.close()
            raise

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(300)
        finally:
            self.process.kill()
            self.process.wait()
            self.log.close()
            self.account.shutdown()
            self.account.server_close()
            self._folder.cleanup()

    def client(self, service):
        return botocore.session.get_session().create_client(
            service,
            region_name="us-east-1",
            endpoint_url=self.url,
            aws_access_key_id="000000000000",
            aws_secret_access_key="local",
        )

    def gate(self, name):
        """What a function waits for that is asked with `?gate=`: the file of this name."""
        return self.folder / name

    def get(self, path):
        api = f"{self.url}/_aws/execute-api/{self.outputs['ApiId']}/$default"
        with urllib.request.urlopen(api + path, timeout=300) as response:
            return response.read().decode()

    def journal(self, **wanted):
        return [event for event in whole_lines(self.journal_path) if wanted.items() <= event.items()]

    def order(self, *rules):
        """Has things fail, instead of what was ordered before."""
        # Beside and renamed, so that nobody reads half of it.
        beside = self.folder / "faults.new"
        beside.write_text(json.dumps({"rules": rules}), encoding="utf-8")
        beside.rename(self.folder / "faults.json")

    def struck(self):
        """What failed, as ordered, from the beginning: (action, subject)."""
        return [(note["action"], note["subject"]) for note in self._notes() if "missed" not in note]

    def missed(self):
        """What was to fail and could not any more: (action, subject)."""
        return [(note["action"], note["subject"]) for note in self._notes() if "missed" in note]

    def _notes(self):
        path = self.folder / "struck.jsonl"
        return whole_lines(path) if path.exists() else []

    def start(self, machine, name, **fields):
        request = {"stateMachineArn": self.outputs[machine], "name": name, "input": json.dumps(fields)}
        return self.client("stepfunctions").start_execution(**request)["executionArn"]

    def execute(self, machine, name, **fields):
        arn = self.start(machine, name, **fields)
        until(lambda: self.execution(arn)["status"] != "RUNNING", f"execution {name}")
        return self.execution(arn)

    def execution(self, arn):
        return self.client("stepfunctions").describe_execution(executionArn=arn)

    def builds(self):
        """All builds: (id, variables with plain values)."""
        codebuild = self.client("codebuild")
        builds = codebuild.batch_get_builds(ids=codebuild.list_builds()["ids"])["builds"]
        plain = lambda variable: {key: variable[key] for key in ("name", "value")}
        return [(build["id"], [plain(each) for each in build["environment"]["environmentVariables"]]) for build in builds]

    def build(self, build_id):
        return self.client("codebuild").batch_get_builds(ids=[build_id])["builds"][0]

    def build_log(self, build_id):
        return (self.folder / "logs" / f"{build_id.replace(':', '-')}.log").read_text(encoding="utf-8")

    def tail(self):
        self.log.flush()
        return Path(self.log.name).read_text(encoding="utf-8")[-4000:]

    def _healthy(self):
        if self.process.poll() is not None:
            raise AssertionError("the emulator ended")
        try:
            return urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=60).status == 200
        except (urllib.error.URLError, OSError):
            return False

    def _deploy(self):
        s3 = self.client("s3")
        s3.create_bucket(Bucket="code")
        toy = zipped({"bootstrap": (HERE / "toy_function.py").read_text(encoding="utf-8")})
        for function in ("api", "run", "cluster", "keepalive"):
            s3.put_object(Bucket="code", Key=f"v1/{function}.zip", Body=toy)
        for machine in ("cluster", "flow-run"):
            definition = (ROOT / "statemachines" / f"{machine}.asl.json").read_bytes()
            s3.put_object(Bucket="code", Key=f"v1/{machine}.asl.json", Body=definition)
        s3.put_object(Bucket="code", Key="v1/build-source.zip", Body=zipped({"infra/buildspec.yml": BUILDSPEC}))
        self.client("secretsmanager").create_secret(Name="target", SecretString="very secret thing")

        stacks = self.client("cloudformation")
        parameters = {"CodeBucket": "code", "CodePrefix": "v1", "PublicUrl": "http://127.0.0.1:1"}
        stacks.create_stack(
            StackName=STACK,
            TemplateBody=(ROOT / "infra" / "template.yaml").read_text(encoding="utf-8"),
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        )

        def stack():
            return stacks.describe_stacks(StackName=STACK)["Stacks"][0]

        until(lambda: not stack()["StackStatus"].endswith("IN_PROGRESS"), "the stack")
        if stack()["StackStatus"] != "CREATE_COMPLETE":
            events = stacks.describe_stack_events(StackName=STACK)["StackEvents"]
            reasons = [event.get("ResourceStatusReason") for event in events if "FAILED" in event["ResourceStatus"]]
            raise AssertionError(f"the stack is {stack()['StackStatus']}: {reasons}")
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack()["Outputs"]}


def whole_lines(path):
    """The lines of JSON in a file; the last one may be being written."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def zipped(files):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as members:
        for name, text in files.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = 0o755 << 16
            members.writestr(member, text)
    return archive.getvalue()


def until(condition, what, seconds=300):
    """Polls for something that no event tells of; for far longer than it takes, on a slow and busy machine too."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.05)
