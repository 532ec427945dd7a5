"""The emulator's HTTP front, where single calls are made to fail: those of AWS, and those of pods.

Whoever calls is told by what the call bears: a function and a build by their
user agents, a pod by the presigned address. What a function asks of a user's
account is told by the service, which is not ours.
"""

import asyncio
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from xml.sax.saxutils import escape

import faults
from patches import lambdas

JOB = re.compile(r"/_aws/execute-api/[^/]+/[^/]+/v1/jobs/(\w+)")
SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([\w-]+)/aws4_request")
# Asked with the credentials of users only.
USERS_SERVICES = ("eks", "sts", "iam", "ec2", "tagging", "servicequotas", "pricing")
BUILD_AGENTS = ("aws-cli", "Botocore", "Terraform", "terraform")
S3 = {"GET": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject", "HEAD": "HeadObject", "POST": "Post"}


class Front:
    """An ASGI application in front of ministack's."""

    def __init__(self, app, ordered=faults.ordered):
        self._app = app
        self._faults = ordered

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if job := JOB.fullmatch(scope["path"]):
            return await self._job(job.group(1), headers, scope, receive, send)
        caller, sandbox = caller_of(headers, scope)
        if caller is None:
            return await self._app(scope, receive, send)
        if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            body, receive = await _buffered(receive)
        else:
            body = b""
        call = Call(caller, headers, scope, body)
        if caller == "target" and os.path.exists(os.environ.get("AWS_PROVIDER_EXPIRED", "")):
            said = "The security token included in the request is expired"
            status, kind, body = call.error(403, "ExpiredTokenException", said)
            return await _answer(send, status, kind, body)
        rule = self._faults.strike("aws", call.subject)
        if sandbox and lambdas.has_made_its_last_call(sandbox):
            await self._app(scope, receive, _swallow)
            lambdas.kill(sandbox)
            return await _answer(send, 500, [], b"")
        if rule is None:
            return await self._app(scope, receive, send)
        if rule.action == "fail_after":
            await self._app(scope, receive, _swallow)
        status, kind, body = call.error(rule.status or 500, rule.code or "InternalFailure", rule.message)
        await _answer(send, status, kind, b"" if scope["method"] == "HEAD" else body)

    async def _job(self, what, headers, scope, receive, send):
        rule = self._faults.strike("job", what)
        if rule is None:
            return await self._app(scope, receive, send)
        if rule.action in ("kill_pod", "kill_node"):
            what_dies, token = rule.action.removeprefix("kill_"), headers.get("authorization", "")
            if not await asyncio.to_thread(_kill, what_dies, token):
                self._faults.missed(rule, what)
            return await self._app(scope, receive, send)
        if rule.action == "drop_answer":
            await self._app(scope, receive, _swallow)
        unavailable = b'{"message":"Service Unavailable"}'
        await _answer(send, 503, [(b"content-type", b"application/json")], unavailable)


class Call:
    """A call of an AWS API: what it is, and what an error of it looks like."""

    def __init__(self, caller, headers, scope, body):
        found = SCOPE.search(headers.get("authorization", ""))
        self.service = found.group(1) if found else "s3"
        self._headers = headers
        self._form = urllib.parse.parse_qs(body.decode("latin-1")) if body else {}
        self.subject = f"{caller} {self.service} {self._operation(scope)}"

    def _operation(self, scope):
        if target := self._headers.get("x-amz-target"):
            return target.rpartition(".")[2]
        if "Action" in self._form:
            return self._form["Action"][0]
        path = scope["path"].strip("/").split("/")
        if path[0] == "service" and path[2:3] == ["operation"]:
            return path[-1]
        if self.service == "s3":
            listing = scope["method"] == "GET" and len(path) == 1
            return "ListObjects" if listing else S3.get(scope["method"], scope["method"])
        # REST: EKS's GET /clusters/x is a DescribeCluster; of others the first word of the path must do.
        known = {("GET", "clusters", 2): "DescribeCluster", ("GET", "clusters", 1): "ListClusters"}
        return known.get((scope["method"], path[0], len(path)), f"{scope['method']} {path[0]}")

    def error(self, status, code, message):
        """Status, headers and body of an error in the protocol of the call."""
        message = message or f"{code}, as ordered"
        kind = self._headers.get("content-type", "")
        if "cbor" in kind or self._headers.get("smithy-protocol") == "rpc-v2-cbor":
            headers = [(b"content-type", b"application/cbor"), (b"smithy-protocol", b"rpc-v2-cbor")]
            return status, headers, _cbor({"__type": code, "message": message})
        if self.service == "s3":
            text = f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
            return status, [(b"content-type", b"application/xml")], text.encode()
        if self.service == "ec2":
            error = f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
            text = f"<Response><Errors>{error}</Errors><RequestID>0</RequestID></Response>"
            return status, [(b"content-type", b"text/xml")], text.encode()
        if self._form:
            error = f"<Type>Sender</Type><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
            text = f"<ErrorResponse><Error>{error}</Error><RequestId>0</RequestId></ErrorResponse>"
            return status, [(b"content-type", b"text/xml")], text.encode()
        headers = [(b"content-type", b"application/json"), (b"x-amzn-errortype", code.encode())]
        return status, headers, json.dumps({"__type": code, "message": message}).encode()


def caller_of(headers, scope):
    """Who calls, and from which process if it is a function's; (None, None) for those that nothing is done to."""
    if b"X-Amz-Signature=" in scope.get("query_string", b""):
        return "pod", None
    agent = headers.get("user-agent", "") + " " + headers.get("x-amz-user-agent", "")
    if sandbox := lambdas.sandbox_of(agent):
        found = SCOPE.search(headers.get("authorization", ""))
        return ("target" if found and found.group(1) in USERS_SERVICES else sandbox.function), sandbox
    return ("build", None) if any(word in agent for word in BUILD_AGENTS) else (None, None)


def _kill(what, authorization):
    """Has the local account kill the pod that the job token belongs to, or its node; whether it found the pod."""
    run, operator, attempt = authorization.removeprefix("Bearer ").split(".")[:3]
    labels = {"ondemand-eks/run": run, "ondemand-eks/operator": operator, "ondemand-eks/attempt": attempt}
    body = json.dumps({"what": what, "labels": labels}).encode()
    url = os.environ["LOCAL_ACCOUNT_URL"].rstrip("/") + "/kill"
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return False
    return True


async def _buffered(receive):
    """The whole body, and a `receive` that gives it once more."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    given = False

    async def again():
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return body, again


async def _swallow(_message):
    pass


async def _answer(send, status, headers, body):
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _cbor(texts):
    """A map of texts in CBOR, all below 64 KiB."""

    def text(value):
        data = value.encode()
        return b"\x79" + len(data).to_bytes(2, "big") + data

    return bytes([0xA0 + len(texts)]) + b"".join(text(name) + text(value) for name, value in texts.items())
