"""What GetResources is told of the provider's journal."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from patches.tagging import existing


class Existing(unittest.TestCase):
    def journal(self, *entries):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = Path(folder.name) / "journal"
        path.write_text("".join(json.dumps(entry, separators=(",", ":")) + "\n" for entry in entries))
        return existing(path)

    def entry(self, operation, number, **more):
        arn = f"arn:aws:ec2:us-east-1:000000000000:vpc/vpc-{number}"
        values = {"id": f"vpc-{number}", "arn": arn, "tags_all": {"a": "b"}}
        return {"operation": operation, "type": "aws_vpc", "name": "n", "values": values, **more}

    def test_the_last_word_counts(self):
        found = self.journal(
            self.entry("create", 1), self.entry("create", 2), self.entry("delete", 1), self.entry("read", 3)
        )
        self.assertEqual(list(found), [("aws_vpc", "vpc-2")])

    def test_what_failed_did_not_happen(self):
        found = self.journal(
            self.entry("create", 1),
            {"operation": "delete", "type": "aws_vpc", "name": "n", "error": "DependencyViolation"},
            self.entry("create", 2, error="no"),
        )
        self.assertEqual(list(found), [("aws_vpc", "vpc-1")])

    def test_without_a_journal_there_is_nothing(self):
        self.assertEqual(existing("/nonexistent/journal"), {})


if __name__ == "__main__":
    unittest.main()
