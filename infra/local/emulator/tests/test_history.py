"""How much history a run makes, on a clock of our own: the run machine is walked through with its production expressions.

Step Functions keeps at most 25,000 events of an execution, which may take a year, and is paid by the state transition.
How many operators a run has does not matter: their outcomes arrive over HTTP, and none but the last returns a token.
"""

import datetime
import json
import unittest
from pathlib import Path

import jsonata

MACHINE = json.loads((Path(__file__).parents[4] / "statemachines" / "flow-run.asl.json").read_text())
MOST_EVENTS = 25_000
LONGEST_EXECUTION = 365 * 86400
DOLLARS_PER_TRANSITION = 0.000025  # us-east-1, beyond the free 4,000 of a month
BEGAN = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)

# The events that a state leaves, beside those of its attempts. https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
ENTERED_AND_EXITED = 2
SCHEDULED_STARTED_SUBMITTED = 3
ENDED = 1
FAILED_ATTEMPT = 3  # TaskScheduled, TaskStarted, TaskFailed


def evaluate(field, context, data=None):
    """A field's value: a JSONata expression's, or itself."""
    if not (isinstance(field, str) and field.startswith("{%")):
        return field
    value = jsonata.Jsonata.jsonata(field[2:-2].strip()).evaluate(None, {"states": {"input": data, "context": context}})
    assert value is not None, f"{field} is undefined"
    return value


class Walk:
    """One execution: granted and over at certain seconds of its life, with so many failed tries at each look."""

    def __init__(self, granted_at, over_at, failed_tries=0):
        self.now, self.events, self.transitions, self.looks = 0.0, 1, 0, []
        self.answers = {"Acquire": (granted_at, "granted"), "Advance": (over_at, "finished")}
        self.failed_tries = failed_tries
        state, data = MACHINE["StartAt"], {}
        while state:
            state, data = self.enter(state, data)
        self.events += 1

    def enter(self, name, data):
        state = MACHINE["States"][name]
        self.transitions += 1
        self.events += ENTERED_AND_EXITED
        if state["Type"] == "Choice":
            context = self.context()
            for choice in state["Choices"]:
                if evaluate(choice["Condition"], context, data):
                    return choice["Next"], choice["Output"]
            return state["Default"], data
        self.events += SCHEDULED_STARTED_SUBMITTED + ENDED
        if not state["Resource"].endswith(".waitForTaskToken"):
            return state.get("Next"), {}
        self.events += self.failed_tries * FAILED_ATTEMPT
        seconds = evaluate(state["TimeoutSeconds"], self.context())
        assert isinstance(seconds, int) and seconds > 0, f"AWS wants a whole number of seconds, not {seconds!r}"
        at, status = self.answers[name]
        if name == "Advance":
            self.looks.append((self.now, seconds))
        if at <= self.now + seconds:
            self.now = max(self.now, at)
            return state["Next"], {"status": status}
        self.now += seconds
        timeout = next(catch for catch in state["Catch"] if "States.Timeout" in catch["ErrorEquals"])
        return timeout["Next"], timeout["Output"]

    def context(self):
        moment = (BEGAN + datetime.timedelta(seconds=self.now)).isoformat(timespec="milliseconds")
        return {
            "Execution": {"StartTime": BEGAN.isoformat(timespec="milliseconds").replace("+00:00", "Z")},
            "State": {"EnteredTime": moment.replace("+00:00", "Z")},
        }


class History(unittest.TestCase):
    def test_a_run_of_an_hour_costs_next_to_nothing(self):
        walk = Walk(granted_at=1, over_at=3600)
        print(
            f"\na run of one hour: {len(walk.looks)} looks, {walk.transitions} state transitions, "
            f"${walk.transitions * DOLLARS_PER_TRANSITION:.4f}, {walk.events} events"
        )
        self.assertLess(walk.transitions, 90)

    def test_the_longest_runs_stay_far_below_the_limit(self):
        for name, seconds, share in (
            ("a day", 86400, 0.3),
            ("a week", 7 * 86400, 0.5),
            ("a year", LONGEST_EXECUTION - 1, 0.9),
        ):
            # Half an hour and more for the cluster, and then the work.
            walk = Walk(granted_at=2400, over_at=seconds)
            print(f"\na run of {name}: {walk.events} events, {walk.transitions} state transitions")
            self.assertLess(walk.events, share * MOST_EVENTS)
            self.assertEqual(walk.now, seconds)

    def test_a_day_of_failing_looks_stays_below_the_limit_too(self):
        walk = Walk(granted_at=60, over_at=86400, failed_tries=3)
        self.assertLess(walk.events, MOST_EVENTS)

    def test_a_loss_is_seen_within_a_minute_and_later_within_a_small_part_of_the_runs_age(self):
        walk = Walk(granted_at=1, over_at=30 * 86400)
        for age, seconds in walk.looks:
            self.assertGreaterEqual(seconds, 20)
            self.assertLessEqual(seconds, max(60, age / 400 + 1))
        self.assertEqual(20, walk.looks[0][1])
        self.assertEqual(60, next(seconds for age, seconds in walk.looks if age > 600))

    def test_an_outage_is_sat_out_for_most_of_an_hour(self):
        for name in ("Acquire", "Advance"):
            retry = MACHINE["States"][name]["Retry"][0]
            pauses = [retry["IntervalSeconds"] * retry["BackoffRate"] ** number for number in range(retry["MaxAttempts"])]
            # With full jitter, a pause is half as long on average.
            patience = sum(min(pause, retry["MaxDelaySeconds"]) for pause in pauses) / 2
            self.assertTrue(2400 < patience < 3600, f"{name}: {patience} seconds")
            self.assertLess(retry["MaxAttempts"] * FAILED_ATTEMPT, 0.02 * MOST_EVENTS)


if __name__ == "__main__":
    unittest.main()
