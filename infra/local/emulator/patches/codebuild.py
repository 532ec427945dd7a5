"""CodeBuild that runs builds: one build_worker.py process, in a session of its own, per build.

ministack marks a build SUCCEEDED at once. Here StartBuild honours its
overrides, BatchGetBuilds tells what is really going on, and a build is
complete only when its last process is gone.

BUILD_LOG_DIR                 also write every build's log there, as <build id with ":" as "-">.log, and
                              builds.jsonl: when which build began and ended, and what it was told
EMULATOR_STOP_GRACE_SECONDS   from SIGINT to SIGKILL when a build is stopped (default 30)
"""

import contextlib
import contextvars
import copy
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import codebuild as service

import faults
import lifeline
from patches import private, replace

WORKER = Path(__file__).parent.parent / "build_worker.py"
STOP_GRACE_SECONDS = float(os.environ.get("EMULATOR_STOP_GRACE_SECONDS", "30"))

_runs = {}


def apply():
    private(service, "_projects", "_builds", "_build_id", "_make_build_record", "_log_sink")
    replace(service, "_start_build", start_build)
    replace(service, "_stop_build", stop_build)


def start_build(request):
    project = copy.deepcopy(service._projects.get(request.get("projectName", "")))
    if project is None:
        return _not_found(f"Project cannot be found: {request.get('projectName')}")
    _override(project, request)
    build = service._make_build_record(project, service._build_id(project["name"]))
    del build["endTime"]
    build.update(buildStatus="IN_PROGRESS", buildComplete=False, currentPhase="SUBMITTED", phases=[])
    service._builds[build["id"]] = build
    _runs[build["id"]] = run = _Run(build)
    run.start()
    return json_response({"build": copy.deepcopy(build)})


def stop_build(request):
    build = service._builds.get(request.get("id", ""))
    if build is None:
        return _not_found(f"Build cannot be found: {request.get('id')}")
    _runs[build["id"]].stop("STOPPED")
    return json_response({"build": copy.deepcopy(build)})


def wait_until_complete(build_id):
    """Blocks until no process of the build is left; returns its final record."""
    run = _runs[build_id]
    run.complete.wait()
    return copy.deepcopy(run.build)


def stop_all(grace_seconds):
    """Ends every build, for when the emulator itself ends."""
    active = [run for run in list(_runs.values()) if not run.complete.is_set()]
    for run in active:
        run.stop("STOPPED", grace_seconds)
    for run in active:
        run.complete.wait(grace_seconds + 1)


class _Run:
    """One build's worker process, and the threads that turn what it says into the build's record."""

    def __init__(self, build):
        self.build = build
        self.complete = threading.Event()
        self._variables = _plain_variables(build)
        self._fault = faults.ordered.strike("build", self._variables.get("ACTION", ""))
        self._struck = Path(tempfile.gettempdir()) / f"{build['id'].replace(':', '-')}-struck"
        self._verdict = None
        self._ended_early = None
        self._process = None
        self._log_file = _open_log(build["id"])
        self._sink = service._log_sink(build)

    def start(self):
        context = contextvars.copy_context()
        reports, reports_end = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, str(WORKER), str(reports_end)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[reports_end],
            start_new_session=True,
            text=True,
            errors="replace",
        )
        os.close(reports_end)
        _note(event="begin", id=self.build["id"], variables=self._variables)
        job = self._job()
        threading.Thread(target=context.run, args=(self._supervise, job, reports), daemon=True).start()

    def stop(self, status, grace_seconds=STOP_GRACE_SECONDS):
        if self.complete.is_set() or self._ended_early:
            return
        self._ended_early = status
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGINT)
        timer = threading.Timer(grace_seconds, lifeline.kill_session, [self._process.pid])
        timer.daemon = True
        timer.start()

    def _job(self):
        return {
            "build": {key: self.build[key] for key in ("id", "arn", "buildNumber", "initiator")},
            "source": self.build["source"],
            "variables": self.build["environment"].get("environmentVariables") or [],
            "account": get_account_id(),
            "region": get_region(),
            "strike": self._strike(),
            "struck": str(self._struck),
        }

    def _strike(self):
        """When, with which signal and on whom the provider is to strike; see its README."""
        if not self._fault:
            return None
        signals = {"kill": "KILL:terraform", "terminate": "TERM:terraform", "vanish": f"KILL:{self._process.pid}"}
        return f"{self._fault.operations or 1}:{signals[self._fault.action]}"

    def _supervise(self, job, reports):
        readers = [
            threading.Thread(target=contextvars.copy_context().run, args=(reader,), daemon=True)
            for reader in (self._read_log, lambda: self._read_reports(reports))
        ]
        for reader in readers:
            reader.start()
        with contextlib.suppress(BrokenPipeError):  # a worker that died at once is told apart below
            self._process.stdin.write(json.dumps(job))
            self._process.stdin.close()
        try:
            self._process.wait(60 * int(self.build["timeoutInMinutes"]))
        except subprocess.TimeoutExpired:
            self.stop("TIMED_OUT")
            self._process.wait()
        lifeline.kill_session(self._process.pid)  # whatever the build left running in the background
        for reader in readers:
            reader.join(5)
        self._finish()

    def _finish(self):
        status = self._ended_early or self._verdict
        if status is None:
            status = "FAULT"
            died = f"the build worker ended with status {self._process.returncode} and gave no result"
            self._phase(self.build["currentPhase"], "FAULT", died)
        for phase in self.build["phases"]:
            if "endTime" not in phase:
                self._phase(phase["phaseType"], status, f"the build was ended: {status}")
        if self._fault and not self._struck.exists():
            faults.ordered.missed(self._fault, self._variables.get("ACTION", ""))
        self._phase("COMPLETED", status)
        self.build.update(buildStatus=status, buildComplete=True, endTime=time.time())
        _note(event="end", id=self.build["id"], variables=self._variables, status=status)
        if self._log_file:
            self._log_file.close()
        self.complete.set()

    def _read_log(self):
        for line in self._process.stdout:
            self._sink(line.rstrip("\n"))
            if self._log_file:
                self._log_file.write(line)
                self._log_file.flush()

    def _read_reports(self, descriptor):
        with os.fdopen(descriptor) as lines:
            for line in lines:
                report = json.loads(line)
                if "phase" in report:
                    self._phase(report["phase"], report.get("status"), report.get("message"))
                else:
                    self._verdict = report["verdict"]

    def _phase(self, name, status=None, message=None):
        """Opens a phase, or closes it when a status is given."""
        now = time.time()
        phases = {phase["phaseType"]: phase for phase in self.build["phases"]}
        phase = phases.get(name)
        if phase is None:
            phase = {"phaseType": name, "startTime": now}
            self.build["phases"].append(phase)
        self.build["currentPhase"] = name
        if status is None:
            return
        phase.update(phaseStatus=status, endTime=now, durationInSeconds=int(now - phase["startTime"]))
        if message:
            phase["contexts"] = [{"statusCode": _status_code(status), "message": message}]


def _override(project, request):
    if "buildspecOverride" in request:
        project["source"]["buildspec"] = request["buildspecOverride"]
    if "timeoutInMinutesOverride" in request:
        project["timeoutInMinutes"] = request["timeoutInMinutesOverride"]
    environment = project["environment"]
    variables = (environment.get("environmentVariables") or []) + (request.get("environmentVariablesOverride") or [])
    environment["environmentVariables"] = list({variable["name"]: variable for variable in variables}.values())


def _status_code(status):
    return "COMMAND_EXECUTION_ERROR" if status == "FAILED" else status


def _open_log(build_id):
    folder = os.environ.get("BUILD_LOG_DIR")
    if not folder:
        return None
    Path(folder).mkdir(parents=True, exist_ok=True)
    return open(Path(folder) / f"{build_id.replace(':', '-')}.log", "w", encoding="utf-8")


def _plain_variables(build):
    variables = build["environment"].get("environmentVariables") or []
    return {each["name"]: each["value"] for each in variables if each.get("type", "PLAINTEXT") == "PLAINTEXT"}


def _note(**fields):
    folder = os.environ.get("BUILD_LOG_DIR")
    if folder:
        with open(Path(folder) / "builds.jsonl", "a", encoding="utf-8") as journal:
            journal.write(json.dumps({**fields, "at_ms": int(time.time() * 1000)}) + "\n")


def _not_found(message):
    return error_response_json("ResourceNotFoundException", message, 400)
