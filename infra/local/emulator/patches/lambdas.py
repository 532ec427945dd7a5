"""Invocations that fail when faults.py says so: killed, doubled, late.

ministack runs a function as a process that is kept and asked again, one
invocation at a time (ProvidedWorker). Each process gets an AWS_EXECUTION_ENV of
its own, as all do in AWS; SDKs put it into the user agent of their calls, so
that front.py knows whose calls it sees. A dead process is replaced at the next
invocation, as in AWS.

EMULATOR_FUNCTION_TIMEOUT_SCALE   what the time-outs of functions are multiplied with (default 1): they are meant for AWS
"""

import contextvars
import os
import re
import threading
import time
import uuid
from typing import NamedTuple

import faults
from patches import private, replace

EXECUTION_ENVIRONMENT = re.compile(r"exec-env/AWS_Lambda_local-(\w+)-(\d+)")

TIMEOUT_SCALE = int(os.environ.get("EMULATOR_FUNCTION_TIMEOUT_SCALE", "1"))

_last_calls = {}  # how many calls of AWS are left to a process that is to die in mid-work
_lock = threading.Lock()


class Sandbox(NamedTuple):
    """A function's process, by the port of its Runtime API."""

    function: str
    port: int


def apply():
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    environment = private(lambda_svc, "_provided_worker_env")

    def named_environment(config, code_dir, port):
        variables = environment(config, code_dir, port)
        variables["AWS_EXECUTION_ENV"] = f"AWS_Lambda_local-{short(config['FunctionName'])}-{port}"
        return variables

    replace(lambda_svc, "_provided_worker_env", named_environment)
    private(lambda_runtime, "_workers", "acquire_worker", "release_worker")
    invoke = private(lambda_runtime.ProvidedWorker, "invoke")
    make = private(lambda_runtime.ProvidedWorker, "__init__")

    def make_patient(worker, func_name, config, *more, **options):
        make(worker, func_name, {**config, "Timeout": config["Timeout"] * TIMEOUT_SCALE}, *more, **options)

    replace(lambda_runtime.ProvidedWorker, "__init__", make_patient)

    def invoke_or_fail(worker, event, request_id, **options):
        what = subject(worker.func_name, event)
        rule = faults.ordered.strike("lambda", what)
        if rule is None:
            return invoke(worker, event, request_id, **options)
        return _fail(rule, what, invoke, worker, event, request_id, options)

    replace(lambda_runtime.ProvidedWorker, "invoke", invoke_or_fail)


def _fail(rule, what, invoke, worker, event, request_id, options):
    if rule.action == "kill_before":
        _end(worker)
        return _exit_error()
    if rule.action == "kill_during":
        with _lock:
            _last_calls[worker] = rule.calls or 1
        try:
            return invoke(worker, event, request_id, **options)
        finally:
            with _lock:
                calls_left = _last_calls.pop(worker, None)
            if calls_left and calls_left > 0:
                faults.ordered.missed(rule, what)
    if rule.action == "kill_after":
        invoke(worker, event, request_id, **options)
        _end(worker)
        return _exit_error()
    if rule.action == "delay":
        time.sleep(rule.seconds or 1)
    if rule.action == "duplicate":
        again = contextvars.copy_context()
        arguments = (_deliver_again, invoke, worker, event, options, rule.seconds or 0)
        threading.Thread(target=again.run, args=arguments, daemon=True).start()
    return invoke(worker, event, request_id, **options)


def _deliver_again(invoke, worker, event, options, seconds):
    from ministack.core import lambda_runtime

    time.sleep(seconds)
    qualifier = worker.config.get("Version", "$LATEST")
    other, _ = lambda_runtime.acquire_worker(worker.func_name, worker.config, worker.code_zip, qualifier=qualifier)
    try:
        invoke(other, event, str(uuid.uuid4()), **options)
    finally:
        lambda_runtime.release_worker(other)


def subject(function, event):
    """What is asked of which function."""
    if not isinstance(event, dict):
        asked = "?"
    elif "rawPath" in event:
        asked = f"{event['requestContext']['http']['method']} {event['rawPath']}"
    else:
        asked = event.get("step", "tick")
    return f"{short(function)} {asked}"


def short(function):
    """The function's name without that of its stack."""
    return function.rpartition("-")[2]


def sandbox_of(user_agent):
    """The process that a user agent names; None for anybody else's."""
    found = EXECUTION_ENVIRONMENT.search(user_agent)
    return Sandbox(found.group(1), int(found.group(2))) if found else None


def has_made_its_last_call(sandbox):
    """Counts a call of AWS; whether the process is to die of it."""
    with _lock:
        for worker in _last_calls:
            if _port(worker) == sandbox.port:
                _last_calls[worker] -= 1
                return _last_calls[worker] == 0
    return False


def kill(sandbox):
    """Kills a function's process."""
    with _lock:
        doomed = [worker for worker in _last_calls if _port(worker) == sandbox.port]
    for worker in doomed:
        _end(worker)


def _port(worker):
    server = worker._server
    return server.server_address[1] if server else None


def _end(worker):
    process = worker._proc
    if process is not None:
        process.kill()
        process.wait()


def _exit_error():
    message = "Runtime exited before returning a response"
    payload = {"errorMessage": message, "errorType": "Runtime.ExitError"}
    return {"status": "error", "error": message, "error_payload": payload, "cold_start": False, "log": ""}
