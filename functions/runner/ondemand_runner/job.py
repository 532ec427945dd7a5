"""The parent process: from the manifest to the outcome."""

import os
import signal
import sys
import time

from . import client, process, requirements
from .outcome import (
    OUT_OF_MEMORY,
    SYSTEM,
    TEXT_LIMIT,
    TIMED_OUT,
    TRANSPORT,
    USER,
    Failure,
    Timings,
    internal_failure,
    report,
)
from .workspace import Workspace, unpack

# The URLs of a manifest end with the credentials of whoever signed them, which nobody knows: an old one is replaced.
MANIFEST_FRESH_SECONDS = float(os.environ.get("ONDEMAND_MANIFEST_FRESH_SECONDS", 600))
RUNNER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main(_arguments):
    """Runs the job; the exit code is 0 if it succeeded, 1 if not, 128 + n if signal n ended it."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    # Neither pip nor user code may have the token, so it leaves the environment before anything is started.
    token = os.environ.pop("ONDEMAND_JOB_TOKEN", None) or sys.stdin.read()
    control = client.ControlPlane(os.environ["ONDEMAND_API_URL"], token.strip())
    with Workspace() as workspace:
        try:
            outcome = Job(control.manifest(), control, workspace).run()
            control.outcome(outcome)
        except (client.Error, NotWanted) as error:
            say(f"giving up: {error}")
            return 1
    if outcome["status"] == "failed":
        say(f"operator failed: {outcome['error']['tip']}")
        return 1
    say("operator succeeded")
    return 0


def say(text):
    print("ondemand-eks:", text, file=sys.stderr, flush=True)


class Job:
    """One operator's run."""

    def __init__(self, manifest, control, workspace):
        self.manifest, self.control, self.workspace = manifest, control, workspace
        self.manifest_from = time.monotonic()
        self.name = manifest["operator_name"]
        self.timings = Timings()
        self.logs = process.Logs(workspace.folder("logs", "pip"))
        self.result = {"failure": None, "outputs": [], "system_metadata": {}}

    def run(self):
        """Everything but the delivery of the outcome, which is returned."""
        try:
            self.prepare_and_call()
        except Failure as failure:
            self.result["failure"] = failure.as_dict()
        except NotWanted:
            raise
        except client.Error as error:
            self.result["failure"] = unreachable("The operator's code or inputs could not be fetched.", error).as_dict()
        except Exception:
            self.result["failure"] = internal_failure("The runner met an unexpected error.").as_dict()
        try:
            with self.timings.of("outputs"):
                self.deliver()
        except client.Error as error:
            failure = unreachable("The operator's outputs could not be stored.", error)
            self.result.update(failure=failure.as_dict(), outputs=[])
        return report(
            self.manifest,
            self.result["failure"],
            self.logs.tail(TEXT_LIMIT),
            self.result["outputs"],
            self.result["system_metadata"],
            self.timings,
        )

    def prepare_and_call(self):
        with self.timings.of("inputs"):
            inputs = self.fetch_inputs()
            folder, lines = self.fetch_code()
        outputs = [
            {**plan, "content_path": path, "metadata_path": f"{path}.json"}
            for plan, path in self.with_paths("outputs", "artifact_id", "name", "expected_type")
        ]
        types = [item["serialization_type"] for item in inputs] + [item["expected_type"] for item in outputs]
        environment = dict(os.environ)
        with self.timings.of("requirements"):
            cache = os.environ.get("ONDEMAND_CACHE_DIR") or self.workspace.folder("environments")
            python = requirements.interpreter(lines, types, cache, self.logs, environment)
        code = {key: self.manifest["code"].get(key) for key in ("type", "source", "entry_point")}
        job = {"kind": self.manifest["kind"], "severity": self.manifest.get("severity"), "name": self.name}
        self.workspace.write_json({**job, "code": code, "inputs": inputs, "outputs": outputs}, "job.json")
        self.begin()
        self.call(python, folder, requirements.activated(environment, python))

    def begin(self):
        """Asks whether the function may be called. Without an answer it is not: another pod may have been asked to."""
        began = float(os.environ.get("ONDEMAND_BEGAN", time.monotonic()))
        try:
            self.control.started(
                {
                    "attempt": self.manifest.get("attempt", 1),
                    "pod": os.environ.get("ONDEMAND_POD"),
                    "node": os.environ.get("ONDEMAND_NODE"),
                    "running_for_seconds": time.monotonic() - began,
                }
            )
        except client.Refused as error:
            raise NotWanted(error) from None
        except client.Error as error:
            tip = "The control plane could not be reached, so the function was not called."
            raise unreachable(tip, error) from None

    def fetch_inputs(self):
        inputs = [{"name": plan["name"], "path": path} for plan, path in self.with_paths("inputs", "name")]
        client.in_parallel(
            transfer
            for source, item in zip(self.manifest["inputs"], inputs)
            for transfer in (
                (client.download, source["content_url"], item["path"]),
                (client.download, source["metadata_url"], f"{item['path']}.json"),
            )
        )
        for item in inputs:
            metadata = self.workspace.read_json(f"{item['path']}.json")
            item.update({key: metadata[key] for key in ("serialization_type", "artifact_type")})
        return inputs

    def fetch_code(self):
        """The folder to run the function in, and the user's requirements."""
        code = self.manifest["code"]
        if code["type"] == "source":
            return self.workspace.folder("work"), code.get("requirements") or []
        archive = self.workspace.file("package.zip")
        client.download(code["url"], archive)
        return unpack(archive, self.workspace.folder("package"))

    def call(self, python, folder, environment):
        """Lets the child call the function, and takes over its result."""
        self.logs = process.Logs(self.workspace.folder("logs", "call"))
        command = [python, "-I", "-X", "utf8", RUNNER, "execute", self.workspace.path]
        timeout = self.manifest.get("timeout_seconds")
        kills = process.oom_kills()
        ended = process.run(command, self.logs, environment, folder, timeout, pass_pipes=True)
        result = self.workspace.read_json("result.json")
        if ended.timed_out:
            tip = f"Operator {self.name!r} was stopped since it took longer than its {timeout} seconds."
            raise Failure(USER, f"{tip} Give it a longer timeout, or less to do.", cause=TIMED_OUT)
        if result is None:
            raise death(self.name, ended.code, process.oom_kills() != kills)
        self.timings.merge(result.pop("timings"))
        self.result = result

    def deliver(self):
        """Uploads to URLs that are fresh; should they be refused all the same, once more to others."""
        if time.monotonic() - self.manifest_from > MANIFEST_FRESH_SECONDS:
            self.renew_manifest()
        try:
            self.upload()
        except client.Refused as error:
            say(f"asking for new addresses: {error}")
            self.renew_manifest()
            self.upload()

    def renew_manifest(self):
        """Fetches the manifest anew; it is refused to an attempt that was given up, whose outputs nobody wants."""
        try:
            self.manifest = self.control.manifest(client.DELIVERY_PATIENCE_SECONDS)
        except client.Refused as error:
            raise NotWanted(error) from None
        self.manifest_from = time.monotonic()

    def upload(self):
        """Stores the outputs that exist, and the logs if somebody wants them."""
        written = {output["artifact_id"] for output in self.result["outputs"]}
        transfers = [
            transfer
            for output, (_, path) in zip(self.manifest["outputs"], self.with_paths("outputs"))
            if output["artifact_id"] in written
            for transfer in (
                (client.upload, output["content_url"], path),
                (client.upload, output["metadata_url"], f"{path}.json"),
            )
        ]
        if self.manifest.get("logs_url"):
            transfers.append((self.upload_logs,))
        client.in_parallel(transfers)

    def upload_logs(self):
        self.workspace.write_json(self.logs.tail(process.LOG_LIMIT), "logs.json")
        try:
            client.upload(self.manifest["logs_url"], self.workspace.file("logs.json"))
        except client.Error as error:  # the outcome has the end of the logs in any case
            say(f"the logs could not be stored: {error}")

    def with_paths(self, what, *keys):
        """The manifest's inputs or outputs, without their URLs, each with the file it has in the workspace."""
        for index, item in enumerate(self.manifest[what]):
            yield {key: item.get(key) for key in keys}, self.workspace.file(what, str(index))


class NotWanted(Exception):
    """The control plane does not want this job to run any more."""


def unreachable(tip, error):
    """A failure for want of an answer; a refusal is one, and would come again."""
    return Failure(SYSTEM, tip, str(error), None if isinstance(error, client.Refused) else TRANSPORT)


def death(name, code, out_of_memory):
    """The failure of a child that ended without a result."""
    limit = process.memory_limit_mb()
    more = f"more than {limit} MB" if limit else "more memory"
    ask = "resources={'memory': ...}"
    if out_of_memory:
        return Failure(USER, f"Operator {name!r} ran out of memory. Ask for {more}: {ask}.", cause=OUT_OF_MEMORY)
    if code >= 0:
        tip = f"Operator {name!r} ended its process with exit code {code} before the function returned."
    elif -code == signal.SIGKILL:
        tip = f"Operator {name!r} was killed (SIGKILL); nothing tells by whom. If it needs {more}, ask for it: {ask}."
    else:
        tip = f"Operator {name!r} crashed with {signal.Signals(-code).name}, probably in a library's native code."
    return Failure(USER, tip)
