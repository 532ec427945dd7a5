"""The rules of faults.py, without an emulator."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import faults


class Rules(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path, self.journal = Path(folder.name) / "faults.json", Path(folder.name) / "journal.jsonl"
        self.faults = faults.Faults(self.path, self.journal)

    def order(self, *rules, seed=0):
        self.path.write_text(json.dumps({"seed": seed, "rules": rules}))

    def struck(self, subject="cluster begin", times=10, kind="lambda"):
        return [number for number in range(1, times + 1) if self.faults.strike(kind, subject)]

    def test_without_a_file_nothing_fails(self):
        self.assertEqual(self.struck(), [])
        self.assertEqual(faults.Faults().strike("lambda", "x"), None)

    def test_the_nth_of_what_matches_fails_and_is_written_down(self):
        self.order({"kind": "lambda", "on": "cluster *", "action": "kill_before", "nth": [2, 5]})
        self.assertEqual(self.struck("run advance"), [])
        self.assertEqual(self.struck(kind="aws"), [])
        self.assertEqual(self.struck(), [2, 5])
        notes = [json.loads(line) for line in self.journal.read_text().splitlines()]
        self.assertEqual([note["occurrence"] for note in notes], [2, 5])
        self.assertEqual((notes[0]["subject"], notes[0]["action"]), ("cluster begin", "kill_before"))

    def test_the_seed_alone_decides_what_is_left_to_chance(self):
        rule = {"kind": "lambda", "action": "delay", "probability": 0.3}
        self.order(rule, seed=1)
        first = self.struck(times=200)
        self.order(rule, seed=2)
        other = self.struck(times=200)
        self.order(rule, seed=1)
        self.assertEqual(self.struck(times=200), first)
        self.assertNotEqual(other, first)
        self.assertTrue(30 < len(first) < 90, first)

    def test_a_burst_strikes_in_a_row_and_times_is_the_limit(self):
        self.order({"kind": "lambda", "action": "delay", "nth": [2, 7], "burst": 3, "times": 4})
        self.assertEqual(self.struck(), [2, 3, 4, 7])

    def test_a_failure_that_came_too_late_is_taken_back(self):
        self.order({"kind": "build", "on": "apply", "action": "kill", "nth": [1], "operations": 3})
        rule = self.faults.strike("build", "apply")
        self.faults.missed(rule, "apply")
        struck, missed = (json.loads(line) for line in self.journal.read_text().splitlines())
        self.assertTrue(missed["missed"])
        for what in ("kind", "action", "subject"):
            self.assertEqual(missed[what], struck[what])

    def test_a_mistake_is_told_and_nothing_fails(self):
        mistakes = {
            '{"rules": [{"kind": "lamda"}]}': "kind is 'lamda'",
            '{"rules": [{"kind": "aws", "action": "kill_before", "nth": [1]}]}': "action is 'kill_before'",
            '{"rules": [{"kind": "aws", "action": "fail", "nth": [1], "calls": 2}]}': "knows no calls",
            '{"rules": [{"kind": "aws", "action": "fail", "nth": 1}]}': "nth cannot be 1",
            '{"rules": [{"kind": "aws", "action": "fail"}]}': "say when",
            '[{"kind": "aws"}]': "it must be",
            "{": "no JSON",
        }
        for text, told in mistakes.items():
            with self.subTest(told), self.assertRaisesRegex(faults.Mistake, told):
                faults.parse(text)
        self.path.write_text("{")
        self.assertEqual(self.struck(kind="aws"), [])
        self.assertIn("no JSON", self.journal.read_text())


if __name__ == "__main__":
    unittest.main()
