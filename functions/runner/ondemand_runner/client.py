"""HTTP as the runner needs it: every request is repeated until there is a final answer or patience ends."""

import collections
import contextlib
import http.client
import json
import os
import random
import re
import shutil
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

# What begins a job can be repeated in another pod; what ends it may be the outcome of a day's work.
PATIENCE_SECONDS = float(os.environ.get("ONDEMAND_PATIENCE_SECONDS", 600))
DELIVERY_PATIENCE_SECONDS = float(os.environ.get("ONDEMAND_DELIVERY_PATIENCE_SECONDS", 1800))
LONGEST_PAUSE_SECONDS = 15
SOCKET_TIMEOUT_SECONDS = 60
TRANSIENT = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError)
TRANSIENT_STATUS = (408, 429)
MOST_AT_ONCE = 16  # transfers


class Error(Exception):
    """A request got no usable answer."""


class Refused(Error):
    """The other side said no; asking again would not help."""


def send(make_request, consume, patience=PATIENCE_SECONDS):
    """Sends until it is answered. Both arguments are functions because a try may spoil what the last one used."""
    deadline = time.monotonic() + patience
    pause = 0.25
    while True:
        request = make_request()
        try:
            with urllib.request.urlopen(request, timeout=SOCKET_TIMEOUT_SECONDS) as response:
                return consume(response)
        except urllib.error.HTTPError as error:
            with error:
                problem = f"status {error.code}: {_beginning_of(error)}"
            if error.code < 500 and error.code not in TRANSIENT_STATUS:
                raise Refused(f"{_name(request)} was refused with {problem}") from None
        except TRANSIENT as error:
            problem = str(error) or type(error).__name__
        if time.monotonic() + pause > deadline:
            raise Error(f"{_name(request)} failed for {patience:.0f} seconds, last with {problem}") from None
        time.sleep(pause * random.uniform(0.5, 1))
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def download(url, path):
    """Streams the object at `url` to a file."""

    def save(response):
        with open(path, "wb") as file:
            shutil.copyfileobj(response, file, 1 << 20)
            size = file.tell()
        # A connection that breaks looks like the end of the body to a reader of chunks.
        promised = response.headers.get("content-length")
        if promised is not None and size != int(promised):
            raise http.client.IncompleteRead(b"", int(promised) - size)

    send(lambda: urllib.request.Request(url), save)


def upload(url, path):
    """Streams a file to the object at `url`."""
    with open(path, "rb") as file:

        def request():
            file.seek(0)
            size = os.fstat(file.fileno()).st_size
            headers = {"content-type": "application/octet-stream", "content-length": str(size)}
            return urllib.request.Request(url, file, headers, method="PUT")

        send(request, lambda response: response.read(), DELIVERY_PATIENCE_SECONDS)


class ControlPlane:
    """The job's side of the control plane; the token is good for this job only."""

    def __init__(self, address, token):
        self._address = f"{address.rstrip('/')}/v1/jobs/"
        self._token = token

    def manifest(self, patience=PATIENCE_SECONDS):
        return self._ask("manifest", patience)

    def started(self, report):
        return self._ask("started", PATIENCE_SECONDS, report)

    def outcome(self, outcome):
        return self._ask("outcome", DELIVERY_PATIENCE_SECONDS, outcome)

    def _ask(self, what, patience, body=None):
        headers = {"authorization": f"Bearer {self._token}", "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        return send(
            lambda: urllib.request.Request(self._address + what, data, headers),
            lambda response: json.loads(response.read() or b"{}"),
            patience,
        )


def _name(request):
    """Method and place of a request, without the query: in a presigned URL that is a credential."""
    url = urllib.parse.urlsplit(request.full_url)
    return f"{request.get_method()} {url.scheme}://{url.netloc}{url.path}"


def _beginning_of(error):
    """What the other side said, without what it quotes of the address: its query is a credential, and so are the token
    and the signed request that the store repeats in some of its refusals."""
    try:
        text = error.read(4096).decode("utf-8", "replace").strip()
    except TRANSIENT:
        return error.reason
    parts = [re.search(rf"<{name}>([^<]*)</{name}>", text) for name in ("Code", "Message")]
    if parts[0]:
        text = ": ".join(part.group(1) for part in parts if part)
    return re.sub(r"\?[^\s\"'<]*", "?...", text)[:500]


def in_parallel(calls):
    """Makes all calls, each a function with its arguments, some at the same time; raises the first error.

    The threads are daemons, unlike those of an executor: a runner that is told to stop does not wait for them.
    """
    errors, waiting = [], collections.deque(calls)

    def perform():
        with contextlib.suppress(IndexError):  # nothing is left to do
            while not errors:
                function, *arguments = waiting.popleft()
                try:
                    function(*arguments)
                except Exception as error:  # IndexError among them
                    errors.append(error)

    count = min(len(waiting), MOST_AT_ONCE)
    threads = [threading.Thread(target=perform, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
