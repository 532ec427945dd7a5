"""What the state machines do about failures, in every state."""

import json
import unittest
from pathlib import Path

MACHINES = {
    path.name: json.loads(path.read_text(encoding="utf-8"))["States"]
    for path in (Path(__file__).parents[4] / "statemachines").glob("*.asl.json")
}

# What an invocation can end with though there is nothing wrong with what was asked.
# https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
PASSING = {
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
    "Transient",
}
# What takes in how everything ended: if it fails all the same, the sweeper does its work.
LAST = {"Finish", "BuildFailed"}


def tasks(resource):
    for machine, states in MACHINES.items():
        for name, state in states.items():
            if state["Type"] == "Task" and resource in state["Resource"]:
                yield f"{machine} {name}", name, state


class Failures(unittest.TestCase):
    def test_whatever_may_pass_is_tried_again(self):
        looked_at = 0
        for where, _, state in tasks("lambda:invoke"):
            retried = {error for retry in state["Retry"] if retry["MaxAttempts"] >= 6 for error in retry["ErrorEquals"]}
            self.assertLessEqual(PASSING, retried, where)
            looked_at += 1
        self.assertEqual(looked_at, 7)

    def test_every_failure_is_taken_in(self):
        for where, name, state in tasks(""):
            self.assertIn("TimeoutSeconds", state, where)
            if name not in LAST:
                caught = [catch["Next"] for catch in state["Catch"] if "States.ALL" in catch["ErrorEquals"]]
                self.assertTrue(caught and caught[0] in LAST, where)


if __name__ == "__main__":
    unittest.main()
