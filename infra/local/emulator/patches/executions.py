"""Executions that end before their time: stopped by StopExecution, or when faults.py says so.

ministack only marks a stopped execution. As in AWS, nothing more comes of it
here: no state, no retry; the tokens of its waiting tasks are void; and a build
that it waits for is stopped.
"""

import contextvars
import threading

import faults
from patches import codebuild, private, replace

_current = contextvars.ContextVar("execution", default=None)  # whose thread this is, by its ARN
_builds = {}  # the build that an execution waits for


def apply():
    from ministack.services import stepfunctions as sfn

    run, add_event, stop = private(sfn, "_run_execution", "_add_event", "_stop_execution")
    executions, tokens, machines = private(sfn, "_executions", "_task_tokens", "_state_machines")

    def run_execution(arn):
        _current.set(arn)
        run(arn)

    def add_event_or_end(execution, kind, details=None):
        if execution["status"] == "ABORTED" and kind != "ExecutionAborted":
            raise SystemExit  # ends the execution's thread, and nothing else
        event = add_event(execution, kind, details)
        if kind.endswith("StateEntered"):
            strike(execution, details["stateEnteredEventDetails"]["name"])
        return event

    def stop_execution(request):
        answer = stop(request)
        end_tasks(request.get("executionArn"))
        return answer

    def strike(execution, state):
        subject = f"{machines[execution['stateMachineArn']]['name'].rpartition('-')[2]} {state}"
        if not (rule := faults.ordered.strike("execution", subject)):
            return
        end = contextvars.copy_context().run, (end_as_ordered, rule, subject, execution)
        if rule.seconds:
            timer = threading.Timer(rule.seconds, *end)
            timer.daemon = True
            timer.start()
        else:
            end_as_ordered(rule, subject, execution)

    def end_as_ordered(rule, subject, execution):
        arn = execution["executionArn"]
        if execution["status"] != "RUNNING":
            return faults.ordered.missed(rule, subject)
        stop({"executionArn": arn, "error": "Ordered", "cause": f"{rule.action}, as ordered"})
        end_tasks(arn, builds_too=rule.action == "stop")
        if rule.action == "forget":
            executions.pop(arn, None)

    def end_tasks(arn, builds_too=True):
        for token, record in list(tokens.items()):
            if record.get("execution") == arn:
                tokens.pop(token, None)
                record["void"] = True
                record["event"].set()
        build = _builds.pop(arn, None)
        if build and builds_too:
            codebuild.stop_build({"id": build})

    replace(sfn, "_run_execution", run_execution)
    replace(sfn, "_add_event", add_event_or_end)
    replace(sfn, "_stop_execution", stop_execution)


def current():
    """The ARN of the execution whose task this is; None elsewhere."""
    return _current.get()


def waits_for(build_id):
    """The current execution's task is over when this build is; None: it no longer waits for one."""
    if build_id is None:
        _builds.pop(current(), None)
    else:
        _builds[current()] = build_id
