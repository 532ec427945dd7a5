"""Step Functions behaviour that our state machines need and ministack lacks.

* `codebuild:startBuild` and `.sync`;
* a JSONata expression in a task's TimeoutSeconds;
* a waitForTaskToken task fails when its Lambda fails (ministack would wait for
  the time-out), and is over as soon as the token is returned;
* StartExecution with the name and input of a running execution is a no-op.

EMULATOR_TIMEOUT_SCALE   what the time-outs of waitForTaskToken are multiplied with (default 1), as ministack's own
                         SFN_WAIT_SCALE does with Wait states and retries
"""

import contextvars
import json
import os
import threading

from patches import codebuild, executions, private, replace

LAMBDA_CALLBACK = "states:::lambda:invoke.waitForTaskToken"
NO_TIMEOUT = 99_999_999
TIMEOUT_SCALE = float(os.environ.get("EMULATOR_TIMEOUT_SCALE", "1"))


def apply():
    from ministack.services import stepfunctions as sfn

    private(sfn, "_SERVICE_DISPATCH")["arn:aws:states:::codebuild:startBuild"] = _start_build(sfn)
    replace(sfn, "_execute_task", _with_computed_timeout(sfn))
    replace(sfn, "_invoke_with_callback", _failing_callback(sfn))
    replace(sfn, "_start_execution", _idempotent_start(sfn))


def _start_build(sfn):
    failure = private(sfn, "_ExecutionError")

    def start_build(resource, arguments):
        status, _, body = codebuild.start_build(_camel(arguments))
        answer = json.loads(body)
        if status >= 400:
            raise failure(f"CodeBuild.{answer['__type']}", answer.get("message", ""))
        if not resource.endswith(".sync"):
            return _pascal(answer)
        executions.waits_for(answer["build"]["id"])
        build = codebuild.wait_until_complete(answer["build"]["id"])
        executions.waits_for(None)
        result = _pascal({"build": build})
        if build["buildStatus"] != "SUCCEEDED":
            raise failure("States.TaskFailed", json.dumps(result))
        return result

    return start_build


def _with_computed_timeout(sfn):
    execute, evaluate = private(sfn, "_execute_task", "_jsonata_state_field")

    def execute_task(state, raw_input, execution, context):
        if isinstance(state.get("TimeoutSeconds"), str):
            seconds = evaluate(state, "TimeoutSeconds", "number", raw_input, context)
            state = {**state, "TimeoutSeconds": seconds}
        return execute(state, raw_input, execution, context)

    return execute_task


def _failing_callback(sfn):
    invoke_with_callback, call_lambda, resolve, tokens, failure = private(
        sfn,
        "_invoke_with_callback",
        "_call_lambda",
        "_resolve_lambda_function_ref",
        "_task_tokens",
        "_ExecutionError",
    )

    def callback(resource, arguments, token, state):
        if not resource.endswith(LAMBDA_CALLBACK):
            return invoke_with_callback(resource, arguments, token, state)
        over = threading.Event()
        record = {"event": over, "result": None, "error": None, "heartbeat": None, "execution": executions.current()}
        tokens[token] = record
        invocation_failure = []

        def invoke():
            try:
                function = resolve(arguments["FunctionName"], optimized=True)
                call_lambda(function, arguments.get("Payload", {}))
            except failure as error:
                invocation_failure.append(error)
                over.set()

        # The records are scoped by account and region, which travel in context variables.
        threading.Thread(target=contextvars.copy_context().run, args=(invoke,), daemon=True).start()
        answered = over.wait(min(state.get("TimeoutSeconds", NO_TIMEOUT) * TIMEOUT_SCALE, NO_TIMEOUT))
        tokens.pop(token, None)
        if record.get("void"):
            raise SystemExit  # the execution was stopped, and its thread ends
        if not answered:
            raise failure("States.Timeout", "the task token was not returned in time")
        if record["error"]:
            raise failure(record["error"]["Error"], record["error"]["Cause"])
        if record["result"] is None:
            raise invocation_failure[0]
        return json.loads(record["result"])

    return callback


def _idempotent_start(sfn):
    start, executions = private(sfn, "_start_execution", "_executions")

    def start_execution(request):
        status, headers, body = start(request)
        if headers.get("x-amzn-errortype") != "ExecutionAlreadyExists":
            return status, headers, body
        for running in list(executions.values()):
            same = (
                running["status"] == "RUNNING"
                and running["name"] == request["name"]
                and running["stateMachineArn"] == request.get("stateMachineArn")
                and running["input"] == request.get("input", "{}")
            )
            if same:
                known = {key: running[key] for key in ("executionArn", "startDate")}
                return 200, {"Content-Type": headers["Content-Type"]}, json.dumps(known).encode()
        return status, headers, body

    return start_execution


def _renamed(value, first_letter):
    if isinstance(value, dict):
        return {first_letter(key[:1]) + key[1:]: _renamed(item, first_letter) for key, item in value.items()}
    return [_renamed(item, first_letter) for item in value] if isinstance(value, list) else value


def _pascal(value):
    return _renamed(value, str.upper)


def _camel(value):
    return _renamed(value, str.lower)
