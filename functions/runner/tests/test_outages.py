"""What can fail around a function: the control plane, the store, the time it takes, and the pod's end."""

import contextlib
import os
import signal
import threading
import unittest
import urllib.error
import urllib.request
from unittest import mock

from ondemand_runner import client

from .harness import RunnerCase


class SystemFailures(RunnerCase):
    def test_transient_errors_are_waited_out(self):
        self.source("def operator(): return 'upstream'")
        self.plane.faults.update({
            "/v1/jobs/manifest": [500, 0], "/v1/jobs/started": [502], "/v1/jobs/outcome": [503, 0],
            "/objects/in/content": [206, 0, 500], "/objects/out0/content": [500, 0],
        })  # fmt: skip
        self.plane.objects.update({"in/content": b"input", "in/metadata": self.plane.objects["out0/metadata"]})
        self.source("def operator(value): return value + '!'", inputs=["in"])
        self.assert_succeeded()
        self.assertEqual(b"input!", self.artifact()[0])
        self.assertFalse(any(self.plane.faults.values()))

    def test_missing_input(self):
        self.source("def operator(value): pass", inputs=["nowhere"])
        self.assert_failed(1, "could not be fetched")
        self.assertIn("403", self.outcome["error"]["context"])
        self.assertNotIn("secret-signature", str(self.outcome) + self.stderr)

    def test_what_the_store_repeats_of_a_credential_is_not(self):
        words = (
            b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message>"
            b"<Token-0>secret-session-token</Token-0></Error>"
        )
        self.plane.faults["/objects/out0/content"] = [(400, words)] * 2
        self.source("def operator(): return 1")
        self.assert_failed(1, "could not be stored")
        self.assertIn("ExpiredToken: The provided token has expired.", self.outcome["error"]["context"])
        self.assertNotIn("secret", str(self.outcome) + self.stderr)
        html = b"<html>Cannot PUT /objects/out0/content?signature=secret-in-html&x=y</html>"
        self.plane.faults["/objects/out0/content"] = [(400, html)] * 2
        self.source("def operator(): return 1")
        self.assertIn("Cannot PUT /objects/out0/content?...", self.outcome["error"]["context"])
        self.assertNotIn("secret", str(self.outcome) + self.stderr)

    def test_output_that_nobody_takes(self):
        self.plane.faults["/objects/out0/content"] = [403, 403]
        self.source("def operator(): return 1")
        self.assert_failed(1, "could not be stored")
        self.assertEqual(([], None), (self.outcome["outputs"], self.outcome["cause"]))

    def test_logs_that_nobody_takes_do_not_matter(self):
        self.plane.faults["/objects/logs"] = [403]
        self.source("def operator(): return 1")
        self.assert_succeeded()

    def test_outcome_that_nobody_takes(self):
        self.plane.faults["/v1/jobs/outcome"] = [409]
        self.source("def operator(): return 1")
        self.assertEqual((1, []), (self.code, self.plane.outcomes))

    def test_store_that_cannot_be_reached(self):
        self.environment["ONDEMAND_DELIVERY_PATIENCE_SECONDS"] = "0.5"
        self.plane.faults["/objects/out0/content"] = [503] * 9
        self.source("def operator(): return 1")
        self.assert_failed(1, "could not be stored")
        self.assertEqual("transport", self.outcome["cause"])

    def test_function_is_not_called_without_an_answer(self):
        self.environment["ONDEMAND_PATIENCE_SECONDS"] = "0.5"
        self.plane.faults["/v1/jobs/started"] = [503] * 9
        self.source("def operator(): return 1 / 0")
        self.assert_failed(1, "was not called")
        self.assertEqual("transport", self.outcome["cause"])

    def test_job_that_is_not_wanted_does_not_run(self):
        self.plane.faults["/v1/jobs/started"] = [409]
        self.source("def operator(): return 1")
        self.assertEqual((1, [], {}), (self.code, self.plane.outcomes, self.plane.objects))


class LongJobs(RunnerCase):
    """The addresses of a manifest do not live as long as a long job."""

    FUNCTION = """
        import urllib.request
        def operator(address):
            urllib.request.urlopen(urllib.request.Request(address, b"", method="PUT")).close()
            return "the work of a day"
    """

    def run_until(self, happens):
        """Runs a job whose function lets something happen."""
        self.plane.objects["in/metadata"] = b'{"serialization_type": "string", "artifact_type": "string"}'
        self.plane.objects["in/content"] = self.plane.url("later").encode()
        self.plane.on_stored = lambda key: happens() if key == "later" else None
        self.source(self.FUNCTION, inputs=["in"])

    def asked(self, method, path):
        return self.plane.requests.count((method, path))

    def test_expired_addresses_are_replaced(self):
        self.run_until(self.plane.expire)
        self.assert_succeeded()
        self.assertEqual(b"the work of a day", self.artifact()[0])
        self.assertEqual(2, self.asked("GET", "/v1/jobs/manifest"))
        self.assertIn("logs", self.plane.objects)
        self.assertNotIn("secret-signature", str(self.outcome) + self.stderr)

    def test_old_addresses_are_not_even_tried(self):
        self.environment["ONDEMAND_MANIFEST_FRESH_SECONDS"] = "0"
        self.run_until(self.plane.expire)
        self.assert_succeeded()
        self.assertEqual((2, 1), (self.asked("GET", "/v1/jobs/manifest"), self.asked("PUT", "/objects/out0/content")))

    def test_fresh_addresses_are_not_asked_for_twice(self):
        self.run_until(lambda: None)
        self.assert_succeeded()
        self.assertEqual(1, self.asked("GET", "/v1/jobs/manifest"))

    def test_an_attempt_that_was_given_up_stores_nothing(self):
        self.environment["ONDEMAND_MANIFEST_FRESH_SECONDS"] = "0"
        self.run_until(lambda: self.plane.faults.update({"/v1/jobs/manifest": [403]}))
        self.assertEqual((1, [], None), (self.code, self.plane.outcomes, self.artifact()[0]))
        self.assertIn("giving up", self.stderr)


class Outages(unittest.TestCase):
    """Nobody answers for a while, on a clock of our own."""

    def send(self, outage, patience):
        now = [0.0]
        consume, request = (lambda response: "answered"), (lambda: urllib.request.Request("http://127.0.0.1/x"))

        def urlopen(request, timeout):
            if now[0] < outage:
                raise urllib.error.URLError("connection refused")
            return contextlib.nullcontext()

        def sleep(seconds):
            now[0] += seconds

        with mock.patch.multiple(client.time, monotonic=lambda: now[0], sleep=sleep):
            with mock.patch.object(client.urllib.request, "urlopen", urlopen):
                return client.send(request, consume, patience), now[0]

    def test_of_many_minutes_are_waited_out_by_what_ends_a_job(self):
        self.assertEqual(1800, client.DELIVERY_PATIENCE_SECONDS)
        for outage in (0, 1, 60, 600, 1780):
            answer, waited = self.send(outage, client.DELIVERY_PATIENCE_SECONDS)
            self.assertEqual("answered", answer)
            self.assertTrue(outage <= waited <= outage + client.LONGEST_PAUSE_SECONDS)

    def test_have_an_end(self):
        with self.assertRaisesRegex(client.Error, "failed for 600 seconds, last with .*connection refused"):
            self.send(700, client.PATIENCE_SECONDS)


class Transfers(unittest.TestCase):
    def test_are_made_some_at_a_time_and_end_with_the_first_error(self):
        lock, now, most, done = threading.Lock(), [0], [0], []

        def call(number):
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            if number == 90:
                raise IndexError(number)
            with lock:
                now[0] -= 1
                done.append(number)

        client.in_parallel((call, number) for number in range(80))
        self.assertEqual(list(range(80)), sorted(done))
        self.assertLessEqual(most[0], client.MOST_AT_ONCE)
        with self.assertRaisesRegex(IndexError, "90"):
            client.in_parallel((call, number) for number in range(80, 4000))
        self.assertLess(len(done), 4000)
        client.in_parallel([])


class Ends(RunnerCase):
    """The runner is told to stop, or is stopped, while the function runs."""

    FUNCTION = """
        import os, time, urllib.request
        def operator(address):
            urllib.request.urlopen(urllib.request.Request(address, str(os.getpid()).encode(), method="PUT")).close()
            time.sleep(600)
    """

    def end_with(self, number):
        """The exit code of the runner, and the process that ran the function."""
        self.plane.objects["in/metadata"] = b'{"serialization_type": "string", "artifact_type": "string"}'
        self.plane.objects["in/content"] = self.plane.url("child").encode()
        self.plane.on_stored = lambda key: self.process.send_signal(number)
        self.source(self.FUNCTION, inputs=["in"])
        return self.code, int(self.plane.objects["child"])

    def test_sigterm(self):
        code, child = self.end_with(signal.SIGTERM)
        self.assertEqual((143, []), (code, self.plane.outcomes))
        self.assert_gone(child)

    @unittest.skipUnless(os.path.exists("/proc/self/stat"), "only Linux tells children about their parent's death")
    def test_sigkill(self):
        self.leaves_files = True
        code, child = self.end_with(signal.SIGKILL)
        self.assertEqual(-signal.SIGKILL, code)
        self.assert_gone(child)
