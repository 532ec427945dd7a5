"""Failures to order, decided by nothing but a seed and a count.

The rules are in the file that EMULATOR_FAULTS names. It may appear, change and
go at any time; with each change all counts begin anew:

    {"seed": 7, "rules": [
        {"kind": "lambda", "on": "cluster begin", "action": "kill_after", "nth": [1]},
        {"kind": "aws", "on": "run dynamodb *", "action": "fail", "probability": 0.02, "burst": 3,
         "status": 400, "code": "ThrottlingException"}]}

Everything that can fail is an occurrence: it has a kind, and a subject that
`on` is matched with (`*` stands for anything). The n-th occurrence that a rule
matches fails if n is in `nth`, or if a number made of seed, rule and n lies
below `probability`. The first rule that says so wins. So the same file has
the same occurrences fail, whatever else happens in between.

EMULATOR_FAULTS_JOURNAL names a file that gets a line of JSON for each failure,
and another one, with "missed", for one that came too late to change anything:
a build that was over before, a function that made fewer calls.
"""

import fnmatch
import hashlib
import json
import os
import sys
import threading
import time
from pathlib import Path

# What can happen to which kind of occurrence, and what a rule may say of it beyond the common words.
ACTIONS = {
    "lambda": {  # subject: "<function> <step, or method and path, or tick>"
        "kill_before": (),  # the process dies with the event in its hands
        "kill_during": ("calls",),  # … right after its calls-th call of AWS was carried out
        "kill_after": (),  # … when all is done; whoever invoked it learns of an error
        "duplicate": ("seconds",),  # the event is delivered once more, so much later
        "delay": ("seconds",),  # the event is delivered so much later
    },
    "aws": {  # subject: "<caller> <service> <Operation>"; callers are functions, build, pod, target
        "fail": ("status", "code", "message"),  # the call is not carried out
        "fail_after": ("status", "code", "message"),  # it is carried out; the caller learns of an error
    },
    "job": {  # subject: what a pod asks of /v1/jobs: runner, manifest, started, outcome
        "drop": (),  # the request is lost
        "drop_answer": (),  # it is carried out; its answer is lost
        "kill_pod": (),  # the pod's process dies, the request still arrives
        "kill_node": (),  # its node dies with everything on it
    },
    "build": {  # subject: plan, apply or destroy
        "kill": ("operations",),  # Terraform gets SIGKILL when the operations-th resource is done
        "terminate": ("operations",),  # … SIGTERM
        "vanish": ("operations",),  # all of the build is gone without a word
    },
    "execution": {  # subject: "<state machine> <State>", when the state is entered
        "stop": ("seconds",),  # so much later the execution is stopped, and with it the build that it waits for
        "abandon": ("seconds",),  # … and the build goes on: AWS stops it "on a best-effort basis"
        "forget": ("seconds",),  # … and nobody has ever heard of it
    },
}
COMMON = {"kind", "on", "action", "nth", "probability", "burst", "times"}
FIELDS = {
    "on": str,
    "nth": list,
    "probability": (int, float),
    "burst": int,
    "times": int,
    "calls": int,
    "seconds": (int, float),
    "status": int,
    "code": str,
    "message": str,
    "operations": int,
}


class Mistake(ValueError):
    """The file cannot be used; the text says where and why."""


class Rule:
    """One rule with its counts."""

    def __init__(self, seed, index, said):
        self.kind, self.action = said.get("kind"), said.get("action")
        where = f"rule {index + 1}"
        if self.kind not in ACTIONS:
            raise Mistake(f"{where}: kind is {self.kind!r}; it must be one of {', '.join(ACTIONS)}")
        actions = ACTIONS[self.kind]
        if self.action not in actions:
            raise Mistake(f"{where}: action is {self.action!r}; of {self.kind} it must be one of {', '.join(actions)}")
        if unknown := said.keys() - COMMON - set(actions[self.action]):
            raise Mistake(f"{where}: {self.kind} {self.action} knows no {', '.join(sorted(unknown))}")
        for name, value in said.items():
            if name in FIELDS and (not isinstance(value, FIELDS[name]) or isinstance(value, bool)):
                raise Mistake(f"{where}: {name} cannot be {json.dumps(value)}")
        if "nth" not in said and "probability" not in said:
            raise Mistake(f"{where}: say when: nth (a list of counts from 1) or probability")
        self.said = said
        self._key = f"{seed}:{index}"
        self._seen = self._struck = self._burst = 0

    def strikes(self, subject):
        """Counts an occurrence; its number if it is to fail."""
        if not fnmatch.fnmatchcase(subject, self.said.get("on", "*")):
            return None
        self._seen += 1
        if self._struck >= self.said.get("times", sys.maxsize):
            return None
        if self._burst > 0:
            self._burst -= 1
        elif self._seen in self.said.get("nth", ()) or self._chance() < self.said.get("probability", 0):
            self._burst = self.said.get("burst", 1) - 1
        else:
            return None
        self._struck += 1
        return self._seen

    def _chance(self):
        """A number from 0 to 1 that only seed, rule and count decide."""
        digest = hashlib.sha256(f"{self._key}:{self._seen}".encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64

    def __getattr__(self, name):
        """What the rule says beyond the common words; None if it does not."""
        return self.said.get(name)


def parse(text):
    """The rules of a file's text."""
    try:
        said = json.loads(text) if text.strip() else {"rules": []}
        if not isinstance(said, dict) or not isinstance(said.get("rules"), list) or said.keys() - {"seed", "rules"}:
            raise Mistake('it must be {"seed": …, "rules": […]}')
        if not all(isinstance(rule, dict) for rule in said["rules"]):
            raise Mistake("every rule must be an object")
    except json.JSONDecodeError as error:
        raise Mistake(f"it is no JSON: {error}") from error
    return [Rule(said.get("seed", 0), index, rule) for index, rule in enumerate(said["rules"])]


class Faults:
    """The rules of a file that may change."""

    def __init__(self, path=None, journal=None):
        self._path = Path(path) if path else None
        self._journal = Path(journal) if journal else None
        self._lock = threading.Lock()
        self._text = ""
        self._rules = []

    def strike(self, kind, subject):
        """The rule that has this occurrence fail, if one does."""
        if self._path is None:
            return None
        with self._lock:
            self._refresh()
            for index, rule in enumerate(self._rules):
                if rule.kind == kind and (occurrence := rule.strikes(subject)):
                    code = {"code": rule.code} if rule.code else {}
                    where = {"subject": subject, "rule": index + 1, "occurrence": occurrence}
                    self._note(kind=kind, action=rule.action, **code, **where)
                    return rule
        return None

    def missed(self, rule, subject):
        """Takes back what was noted of a failure: what it was to strike was over before."""
        self._note(kind=rule.kind, action=rule.action, subject=subject, missed=True)

    def _refresh(self):
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            text = ""
        if text == self._text:
            return
        self._text, self._rules = text, []
        try:
            self._rules = parse(text)
        except Mistake as mistake:
            print(f"the faults file {self._path} is not used: {mistake}", file=sys.stderr, flush=True)
            self._note(error=str(mistake))

    def _note(self, **fields):
        if self._journal:
            with open(self._journal, "a", encoding="utf-8") as journal:
                journal.write(json.dumps({**fields, "at_ms": int(time.time() * 1000)}) + "\n")


ordered = Faults(os.environ.get("EMULATOR_FAULTS"), os.environ.get("EMULATOR_FAULTS_JOURNAL"))
