"""A control plane and an object store in this process."""

import http.server
import json
import pathlib
import re
import threading

RUNNER = pathlib.Path(__file__).resolve().parent.parent
TOKEN = "job-token-that-nobody-may-see"


class Plane:
    """Serves one job's manifest, keeps what the runner reports, and fails as `faults` (path: statuses, maybe with bodies) say.

    Every manifest is signed when it is asked for; `expire` ends the life of all signatures made so far.
    """

    def __init__(self):
        self.manifest, self.objects, self.faults = None, {}, {}
        self.started, self.outcomes, self.refused, self.requests = [], [], [], []
        self.on_stored = lambda key: None
        self.signature = "secret-signature-0"
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, key):
        return f"{self.address}/objects/{key}?signature={self.signature}"

    def expire(self):
        self.signature = f"secret-signature-{int(self.signature.split('-')[-1]) + 1}"

    def answer(self, method, path, body):
        """(status, body) of a request to the control plane's part."""
        if (method, path) == ("GET", "/v1/jobs/manifest"):
            signed = re.sub(r"secret-signature-\d+", self.signature, json.dumps(self.manifest))
            return 200, json.loads(signed)
        if (method, path) == ("GET", "/v1/jobs/runner"):
            files = [RUNNER / "__main__.py", *sorted((RUNNER / "ondemand_runner").glob("*.py"))]
            return 200, {"files": {str(f.relative_to(RUNNER)): f.read_text() for f in files}}
        if (method, path) == ("POST", "/v1/jobs/started"):
            self.started.append(json.loads(body))
            return 200, {}
        if (method, path) == ("POST", "/v1/jobs/outcome"):
            self.outcomes.append(json.loads(body))
            return 200, {}
        return 404, {"error": "no such route"}


def _handler(plane):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def serve(self):
            path = self.path.split("?")[0]
            # Like S3, take no body without its length.
            if self.command != "GET" and "content-length" not in self.headers:
                return self.reply(411, b"length required")
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            plane.requests.append((self.command, path))
            if plane.faults.get(path):
                fault = plane.faults[path].pop(0)
                return self.reply(*(fault if isinstance(fault, tuple) else (fault, b"injected")))
            if path.startswith("/objects/"):
                if not self.path.endswith(f"?signature={plane.signature}"):
                    return self.reply(403, b"<Code>AccessDenied</Code><Message>Request has expired</Message>")
                return self.store(path[len("/objects/") :], body)
            if self.headers.get("authorization") != f"Bearer {TOKEN}":
                plane.refused.append(path)
                return self.reply(403, b"{}")
            status, answer = plane.answer(self.command, path, body)
            return self.reply(status, json.dumps(answer).encode())

        do_GET = do_POST = do_PUT = serve

        def store(self, key, body):
            if self.command == "PUT":
                plane.objects[key] = body
                plane.on_stored(key)
                return self.reply(200, b"")
            if key not in plane.objects:
                return self.reply(403, b"<Code>AccessDenied</Code>")
            return self.reply(200, plane.objects[key])

        def reply(self, status, body):
            if status == 0:  # a connection that breaks
                self.close_connection = True
                return self.connection.close()
            self.send_response(status)
            self.send_header("content-length", str(len(body) + (1 if status == 206 else 0)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler
