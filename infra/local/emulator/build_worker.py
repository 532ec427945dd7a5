"""Runs one CodeBuild build on this machine: source, environment, buildspec phases.

usage: build_worker.py REPORTS_FD     (started by patches/codebuild.py)

The job comes as JSON on stdin, because it may name secrets that argv must not
show. Log lines go to stdout with secret values masked. What happens is told as
JSON lines on REPORTS_FD: {"phase", "status"?, "message"?} and, last,
{"verdict": "SUCCEEDED" | "FAILED"}. A worker that ends without a verdict was
killed, and its parent says so.
"""

import functools
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path

import botocore.session
import yaml

import lifeline

PHASES = ("install", "pre_build", "build", "post_build")
# A build sees these of the machine's environment and nothing else.
INHERITED = ("AWS_ENDPOINT_URL", "LOCAL_ACCOUNT_URL", "TF_CLI_CONFIG_FILE", "TF_DISABLE_PLUGIN_TLS", "TMPDIR", "LANG")
INHERITED_PREFIXES = ("AWS_PROVIDER_", "SSL_CERT_")


class BuildError(Exception):
    """The phase failed; the text becomes its context message."""


class Build:
    def __init__(self, job, reports, folder):
        self.job = job
        self.reports = reports
        self.sources = folder / "src"
        self.home = folder / "home"
        self.secrets = []
        self.stopped = threading.Event()
        session = botocore.session.get_session()
        session.set_credentials(job["account"], "local")
        self.client = lambda service: session.create_client(service, region_name=job["region"])

    def run(self):
        spec, environment = None, None

        def download():
            nonlocal spec, environment
            self.sources.mkdir()
            self.home.mkdir()
            self._fetch_sources()
            spec = self._read_buildspec()
            environment = self._environment(spec.get("env") or {})

        succeeding = self._phase("DOWNLOAD_SOURCE", download)
        shell = Shell(self, environment)
        for name in PHASES:
            block = (spec or {}).get("phases", {}).get(name)
            # A failed build phase still has its post_build; nothing else runs after a failure.
            due = succeeding or (name == "post_build" and shell.reached == "build")
            if block is None or not due:
                continue
            shell.reached = name
            shell.succeeding = succeeding
            done = self._phase(name.upper(), functools.partial(shell.run, block))
            succeeding = succeeding and (done or block.get("on-failure", "").upper() == "CONTINUE")
        self._report(verdict="SUCCEEDED" if succeeding else "FAILED")

    def stop(self, *_):
        # The shell and what it runs got the same SIGINT, being of our process group.
        self.stopped.set()

    def log(self, line):
        for secret in self.secrets:
            line = line.replace(secret, "***")
        print(line, flush=True)

    def note(self, text):
        now = time.strftime("%Y/%m/%d %H:%M:%S", time.gmtime())
        self.log(f"[Container] {now} {text}")

    def _phase(self, name, act):
        self._report(phase=name)
        self.note(f"Entering phase {name}")
        try:
            act()
            status, message = "SUCCEEDED", None
        except BuildError as error:
            status, message = "FAILED", str(error)
        if self.stopped.is_set():
            sys.exit(130)
        self._report(phase=name, status=status, message=message)
        self.note(f"Phase complete: {name} State: {status}")
        if message:
            self.note(f"Phase context status code: COMMAND_EXECUTION_ERROR Message: {message}")
        return status == "SUCCEEDED"

    def _report(self, **fields):
        self.reports.write(json.dumps(fields) + "\n")
        self.reports.flush()

    def _fetch_sources(self):
        source = self.job["source"]
        if source.get("type") == "NO_SOURCE":
            return
        if source.get("type") != "S3":
            raise BuildError(f"source type {source.get('type')} cannot be built locally; use S3 or NO_SOURCE")
        bucket, _, key = source["location"].partition("/")
        try:
            archive = self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
            with zipfile.ZipFile(io.BytesIO(archive)) as members:
                for member in members.infolist():
                    path = Path(members.extract(member, self.sources))
                    if mode := (member.external_attr >> 16) & 0o777:
                        path.chmod(mode)
        except Exception as error:
            raise BuildError(f"cannot fetch the source s3://{source['location']}: {error}") from error

    def _read_buildspec(self):
        text = self.job["source"].get("buildspec") or "buildspec.yml"
        try:
            if "\n" not in text:
                text = (self.sources / text).read_text(encoding="utf-8")
            spec = yaml.safe_load(text)
        except (OSError, yaml.YAMLError) as error:
            raise BuildError(f"YAML_FILE_ERROR: {error}") from error
        if str(spec.get("version")) != "0.2":
            raise BuildError("YAML_FILE_ERROR: only buildspec version 0.2 carries state between phases")
        return spec

    def _environment(self, declared):
        build, region = self.job["build"], self.job["region"]
        environment = {
            name: value
            for name, value in os.environ.items()
            if name in INHERITED or name.startswith(INHERITED_PREFIXES)
        }
        environment |= {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "CI": "true",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ACCESS_KEY_ID": self.job["account"],
            "AWS_SECRET_ACCESS_KEY": "local",
            "CODEBUILD_CI": "true",
            "CODEBUILD_BUILD_ID": build["id"],
            "CODEBUILD_BUILD_ARN": build["arn"],
            "CODEBUILD_BUILD_NUMBER": str(build["buildNumber"]),
            "CODEBUILD_INITIATOR": build["initiator"],
            "CODEBUILD_SRC_DIR": str(self.sources),
        }
        # StartBuild's variables win over the project's, and those over the buildspec's.
        environment |= {name: str(value) for name, value in (declared.get("variables") or {}).items()}
        for name, reference in (declared.get("secrets-manager") or {}).items():
            environment[name] = self._secret(name, reference)
        if self.job.get("strike"):
            environment |= {"AWS_PROVIDER_STRIKE": self.job["strike"], "AWS_PROVIDER_STRUCK": self.job["struck"]}
        for variable in self.job["variables"]:
            environment[variable["name"]] = self._value(variable)
        return environment

    def _value(self, variable):
        kind = variable.get("type") or "PLAINTEXT"
        if kind == "PLAINTEXT":
            return variable.get("value", "")
        if kind == "SECRETS_MANAGER":
            return self._secret(variable["name"], variable["value"])
        raise BuildError(f"environment variable {variable['name']}: type {kind} is not known here")

    def _secret(self, name, reference):
        """The secret behind `id`, `id:json-key` or `arn:…:secret:id[:json-key]`."""
        parts = reference.split(":")
        length = 7 if reference.startswith("arn:") else 1
        secret_id, json_key = ":".join(parts[:length]), "".join(parts[length : length + 1])
        try:
            value = self.client("secretsmanager").get_secret_value(SecretId=secret_id)["SecretString"]
            value = str(json.loads(value)[json_key]) if json_key else value
        except Exception as error:
            raise BuildError(f"environment variable {name}: cannot read secret {reference}: {error}") from error
        self.secrets += [value] + [line for line in value.splitlines() if len(line) > 7]
        return value


class Shell:
    """One bash per phase; environment and folder carry over to the next, in memory only.

    They are handed back through a pipe, since a file of exported variables
    would put a build's secrets on the disk.
    """

    def __init__(self, build, environment):
        self.build = build
        self.environment = environment
        self.folder = str(build.sources)
        self.reached = None
        self.succeeding = True

    def run(self, block):
        self.environment["CODEBUILD_BUILD_SUCCEEDING"] = "1" if self.succeeding else "0"
        try:
            self._commands(block.get("commands") or [])
        finally:
            if block.get("finally") and not self.build.stopped.is_set():
                self._commands(block["finally"])

    def _commands(self, commands):
        with tempfile.TemporaryDirectory() as folder:
            scripts = [Path(folder) / str(index) for index in range(len(commands))]
            for script, command in zip(scripts, commands):
                script.write_text(command + "\n", encoding="utf-8")
            progress = Path(folder) / "progress"
            status = self._bash(_phase_script(scripts, progress))
            if status != 0:
                failed = commands[int(progress.read_text())].strip().splitlines()[0]
                raise BuildError(f"Error while executing command: {failed}. Reason: exit status {status}")

    def _bash(self, script):
        state, state_end = os.pipe()
        shell = subprocess.Popen(
            ["bash", "-c", script, "bash", str(state_end)],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[state_end],
            text=True,
            errors="replace",
        )
        os.close(state_end)
        readers = [
            threading.Thread(target=self._pump, args=(shell.stdout,), daemon=True),
            threading.Thread(target=self._keep_state, args=(state,), daemon=True),
        ]
        for reader in readers:
            reader.start()
        status = shell.wait()
        for reader in readers:
            reader.join(2)  # a background process may hold the pipes open for longer
        return status

    def _pump(self, stream):
        for line in stream:
            line = line.rstrip("\n")
            command = line.removeprefix(_COMMAND_MARK)
            if command == line:
                self.build.log(line)
            else:
                self.build.note(f"Running command {command}")

    def _keep_state(self, descriptor):
        with os.fdopen(descriptor, "rb") as stream:
            folder, *variables = stream.read().decode(errors="replace").split("\0")[:-1]
        self.folder = folder
        self.environment = dict(variable.split("=", 1) for variable in variables)


_COMMAND_MARK = "\x1erunning "


def _phase_script(scripts, progress):
    """Sources the commands one by one, stops at the first that fails, then hands the state back."""
    lines = [
        "state=$1",
        """trap '{ printf "%s\\0" "$PWD"; env -0; } >&"$state"' EXIT""",
    ]
    for index, script in enumerate(scripts):
        lines += [
            f"echo {index} >'{progress}'",
            f"printf '{_COMMAND_MARK}%s\\n' \"$(head -n 1 '{script}')\"",
            f". '{script}'",
            "status=$?; [ $status -eq 0 ] || exit $status",
        ]
    return "\n".join(lines)


def main():
    reports = os.fdopen(int(sys.argv[1]), "w")
    os.set_inheritable(reports.fileno(), False)
    with tempfile.TemporaryDirectory(prefix="build-", ignore_cleanup_errors=True) as folder:
        build = Build(json.load(sys.stdin), reports, Path(folder))
        signal.signal(signal.SIGINT, build.stop)
        lifeline.when_orphaned(lambda: _end_session(folder))
        build.run()


def _end_session(folder):
    """Our emulator is gone: give Terraform a moment to let go of its lock, then end everything."""
    os.killpg(0, signal.SIGINT)
    time.sleep(5)
    lifeline.kill_session(os.getsid(0))
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


if __name__ == "__main__":
    main()
