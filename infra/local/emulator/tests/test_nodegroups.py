"""What EKS tells of node groups, and makes of them: in a journal, and in a local account."""

import http.server
import json
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from patches.nodegroups import Account, Journal, Refused, resized

SIZES = {"minSize": 1, "maxSize": 3, "desiredSize": 2}


class Sizes(unittest.TestCase):
    def refused(self, **asked):
        with self.assertRaises(Refused) as refused:
            resized(SIZES, asked)
        status, code, message = refused.exception.answer
        self.assertEqual((status, code), (400, "InvalidParameterException"))
        return message

    def test_what_is_not_named_stays(self):
        self.assertEqual(resized(SIZES, {"minSize": 2, "maxSize": 9}), {"minSize": 2, "maxSize": 9, "desiredSize": 2})
        self.assertEqual(resized(SIZES, {"desiredSize": 3}), {**SIZES, "desiredSize": 3})

    def test_no_size_is_moved_by_itself(self):
        self.assertEqual(self.refused(minSize=3), "Minimum capacity 3 can't be greater than desired size 2")
        self.assertEqual(self.refused(maxSize=1), "desired capacity 2 can't be greater than max size 1")
        self.assertEqual(self.refused(desiredSize=4), "desired capacity 4 can't be greater than max size 3")


class InAJournal(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for cluster in ("c1", "c2"):
            scaling = [{"min_size": 1, "max_size": 3, "desired_size": 2}]
            values = {"id": f"{cluster}:cpu", "arn": f"arn:{cluster}", "tags_all": {"a": "b"}, "scaling_config": scaling}
            entry = {"operation": "create", "type": "aws_eks_node_group", "name": "cpu", "values": values}
            (self.folder / cluster).write_text(json.dumps(entry, separators=(",", ":")) + "\n")
        self.groups = Journal(self.folder)

    def test_a_change_is_the_last_word_on_this_group_alone(self):
        self.groups.resize("c1", "cpu", {"desiredSize": 3})
        self.assertEqual(self.groups.describe("c1", "cpu")["scalingConfig"], {**SIZES, "desiredSize": 3})
        self.assertEqual(self.groups.describe("c2", "cpu")["scalingConfig"], SIZES)

    def test_what_is_refused_is_not_written_down(self):
        before = (self.folder / "c1").read_text()
        with self.assertRaises(Refused):
            self.groups.resize("c1", "cpu", {"desiredSize": 4})
        self.assertEqual((self.folder / "c1").read_text(), before)

    def test_a_group_that_is_not_there(self):
        with self.assertRaises(Refused) as refused:
            self.groups.describe("c1", "gpu")
        self.assertEqual(refused.exception.answer[:2], (404, "ResourceNotFoundException"))


class OneGroup(http.server.BaseHTTPRequestHandler):
    """A local account with one group, which refuses to have more than three nodes."""

    sizes = {"min": 1, "max": 3, "desired": 2}

    def do_GET(self):
        known = self.path == "/clusters/c/nodegroups/cpu"
        group = {"arn": "arn:cpu", "status": "ACTIVE", "instance_types": ["t3.xlarge"], "labels": {}, **self.sizes}
        self.answer(200 if known else 404, group)

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if asked.get("desired", 0) > 3:
            return self.answer(400, {"error": "said"})
        self.sizes.update(asked)
        return self.answer(200 if self.path.endswith("/cpu/scaling") else 404, {})

    def answer(self, status, body):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        pass


class InAnAccount(unittest.TestCase):
    def setUp(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), OneGroup)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.groups = Account(f"http://127.0.0.1:{server.server_address[1]}/")

    def test_groups_are_those_of_the_account(self):
        self.groups.resize("c", "cpu", {"maxSize": 4})
        self.assertEqual(self.groups.describe("c", "cpu")["scalingConfig"], {**SIZES, "maxSize": 4})

    def test_what_it_refuses_is_refused_in_its_words(self):
        with self.assertRaises(Refused) as refused:
            self.groups.resize("c", "cpu", {"desiredSize": 4})
        self.assertEqual(refused.exception.answer, (400, "InvalidParameterException", "said"))
        with self.assertRaises(Refused) as refused:
            self.groups.describe("c", "gpu")
        self.assertEqual(refused.exception.answer[0], 404)


if __name__ == "__main__":
    unittest.main()
