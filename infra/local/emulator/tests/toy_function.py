#!/usr/bin/env python3
"""A Lambda for the tests: the `bootstrap` of every function of infra/template.yaml.

It appends each event to $TOY_JOURNAL and answers as the run id or cluster id
in the event asks for, e.g. run "poked-…" is poked before it is finished.
"""

import json
import os
import time
import urllib.request

import botocore.session

RUNTIME = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
STATES = botocore.session.get_session().create_client("stepfunctions")
JOURNAL = os.environ["TOY_JOURNAL"]


class Failure(Exception):
    """Reported to Lambda under the name given."""


def seen(**wanted):
    """How often an event with these fields has come in, this one included."""
    with open(JOURNAL, encoding="utf-8") as journal:
        # The last line may be being written, by another function.
        return sum(wanted.items() <= json.loads(line).items() for line in journal.read().split("\n")[:-1])


def handle(event):
    if "rawPath" in event:
        return http(event)
    if "run_id" in event:
        return run(event["step"], event["run_id"], event.get("task_token"))
    if "cluster_id" in event:
        return cluster(event["step"], event)
    return {}


def http(event):
    print("a request for", event["rawPath"], flush=True)
    if gate := event.get("queryStringParameters", {}).get("gate"):
        while not os.path.exists(os.path.join(os.path.dirname(JOURNAL), gate)):
            time.sleep(0.05)
    return {"statusCode": 200, "body": os.environ["AWS_LAMBDA_FUNCTION_NAME"]}


def cluster(step, event):
    if step == "begin":
        if event["cluster_id"].startswith("old"):
            return {"proceed": False}
        if seen(step="begin", cluster_id=event["cluster_id"]) == 1:
            raise Failure("Transient")
        variables = {"ACTION": event["purpose"], "CLUSTER_ID": event["cluster_id"]}
        environment = [{"Name": name, "Value": value, "Type": "PLAINTEXT"} for name, value in variables.items()]
        environment.append({"Name": "TARGET_CREDENTIALS", "Value": "target", "Type": "SECRETS_MANAGER"})
        return {"proceed": True, "environment": environment}
    return {}


def run(step, run_id, token):
    answer = None
    if step == "acquire":
        if run_id.startswith("unacquirable"):
            raise Failure("ClusterGone")
        answer = {}
    if step == "advance":
        turn = seen(step="advance", run_id=run_id)
        if run_id.startswith("poked") and turn == 1:
            answer = {"status": "poked"}
        elif not (run_id.startswith("slow") and turn <= 2):
            answer = {"status": "finished"}
    if answer is not None:
        STATES.send_task_success(taskToken=token, output=json.dumps(answer))
    return {}


def post(path, body):
    urllib.request.urlopen(f"{RUNTIME}/{path}", json.dumps(body).encode()).read()


while True:
    with urllib.request.urlopen(f"{RUNTIME}/next") as invocation:
        request = invocation.headers["Lambda-Runtime-Aws-Request-Id"]
        received = json.load(invocation)
    with open(JOURNAL, "a", encoding="utf-8") as journal:
        journal.write(json.dumps(received) + "\n")
    try:
        post(f"{request}/response", handle(received))
    except Failure as failure:
        post(f"{request}/error", {"errorType": str(failure), "errorMessage": "as asked for"})
