"""Sees to it that no process outlives the one that wanted it."""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path


def when_orphaned(act):
    """Calls `act` from a thread of its own once our parent process is gone.

    Polling, because PR_SET_PDEATHSIG fires when the *thread* that spawned us
    ends, which for a thread pool is long before its process does.
    """
    parent = os.getppid()

    def watch():
        while os.getppid() == parent:
            time.sleep(0.5)
        act()

    threading.Thread(target=watch, daemon=True, name="lifeline").start()


def kill_session(session):
    """Kills the processes of a session, ourselves excepted.

    A process group would not do: timeout(1), for one, runs Terraform in a
    group of its own.
    """
    while victims := [pid for pid in _members(session) if pid != os.getpid()]:
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def _members(session):
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # ended while we looked
            # pid (name) state parent group session …; a name may hold spaces and parentheses
            state, _, _, its_session = stat.read_text(errors="replace").rpartition(")")[2].split()[:4]
            if int(its_session) == session and state != "Z":
                yield int(stat.parent.name)
