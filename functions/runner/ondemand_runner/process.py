"""Child processes: what they print, how long they may take, how they end."""

import collections
import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time

GRACE_SECONDS = 5  # between asking a process to end and ending it
CHUNK = 64 * 1024
LOG_LIMIT = 1 << 20  # bytes of each log that are kept, its end: as much as is ever shown

Ended = collections.namedtuple("Ended", "code timed_out")


class Logs:
    """Two files with the end of what a child printed; all of it is shown on our own streams, for `kubectl logs`."""

    def __init__(self, folder):
        self._paths = {name: os.path.join(folder, f"{name}.log") for name in ("stdout", "stderr")}
        for path in self._paths.values():
            open(path, "wb").close()

    def tail(self, limit):
        """The last `limit` bytes of each, as text."""
        return {name: _tail(path, limit) for name, path in self._paths.items()}

    def pump(self, name, source):
        """Copies everything from the pipe `source` until all its writers are gone."""
        with open(source, "rb", buffering=0) as pipe, open(self._paths[name], "r+b", buffering=0) as log:
            log.seek(0, os.SEEK_END)
            for chunk in iter(lambda: pipe.read(CHUNK), b""):
                log.write(chunk)
                if log.tell() > 2 * LOG_LIMIT:
                    _keep_end(log)
                with contextlib.suppress(OSError):  # nobody may be reading our output
                    os.write(getattr(sys, f"__{name}__").fileno(), chunk)


def run(command, logs, environment, folder, timeout=None, pass_pipes=False):
    """Runs `command` to its end, with its own process group, and leaves nothing of the group behind.

    With `pass_pipes` the child gets the numbers of three pipes as its last arguments: two for its logs, to which it
    decides itself what to write, and one for two bytes, which say that what `timeout` is meant for begins and that it is
    over. Otherwise the logs are its standard streams, and it has no time limit.
    """
    pipes = [os.pipe() for _ in range(3 if pass_pipes else 2)]
    ours, theirs = zip(*pipes)
    if pass_pipes:
        command = [*command, *map(str, theirs)]
        streams = {"pass_fds": theirs}
    else:
        streams = {"stdout": theirs[0], "stderr": theirs[1]}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, start_new_session=True, **streams
    )
    for pipe in theirs:
        os.close(pipe)
    pumps = [
        threading.Thread(target=logs.pump, args=(name, pipe), daemon=True) for name, pipe in zip(("stdout", "stderr"), ours)
    ]
    for pump in pumps:
        pump.start()
    over, late = threading.Event(), threading.Event()
    if pass_pipes:
        threading.Thread(target=_watch, args=(process, ours[2], timeout, over, late), daemon=True).start()
    try:
        code = process.wait()
        return Ended(None if late.is_set() else code, late.is_set())
    finally:
        over.set()
        _end(process)
        for pump in pumps:
            pump.join(GRACE_SECONDS)  # a daemon that left the group may hold the pipe open for ever


def _watch(process, marks, timeout, over, late):
    """Ends the child if what it has to do takes longer than `timeout`. `over` says that the child is gone."""
    with open(marks, "rb", buffering=0) as marks:
        if not marks.read(1) or timeout is None:
            return
        deadline = time.monotonic() + timeout
        if select.select([marks], [], [], timeout)[0] and marks.read(1):
            return  # it was done in time
    # A function may close the pipe, whatever it is: then the child's end is what counts.
    if not over.wait(max(0, deadline - time.monotonic())):
        late.set()
        _signal_group(process, signal.SIGTERM)
        if not over.wait(GRACE_SECONDS):
            _signal_group(process, signal.SIGKILL)


def _end(process):
    """Ends the whole group: politely if its leader still runs, and whoever is left by force."""
    if process.poll() is None:
        _signal_group(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
    _signal_group(process, signal.SIGKILL)
    process.wait()


def _signal_group(process, number):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def die_with_parent():
    """Asks Linux to kill this process when the runner is gone, however that came about."""
    with contextlib.suppress(Exception):  # only a precaution: no other system has it
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def memory_limit_mb():
    """The memory this container may use, in MB of 2^20, or None if it has no limit that can be read."""
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            with open(path) as file:
                limit = int(file.read())
            return limit >> 20 if limit < 1 << 50 else None  # version 1 says "none" with a huge number
    return None


def oom_kills(folder="/sys/fs/cgroup"):
    """How many processes of this container were killed for want of memory so far, or None if that cannot be read."""
    for path in ("memory.events", "memory/memory.oom_control"):
        with contextlib.suppress(OSError, ValueError):
            with open(os.path.join(folder, path)) as file:
                counts = dict(line.split() for line in file)
            if "oom_kill" in counts:
                return int(counts["oom_kill"])
    return None


def _keep_end(log):
    """Removes all but the end of a log, whose reader may see any part of it meanwhile."""
    log.seek(-LOG_LIMIT, os.SEEK_END)
    end = log.read(LOG_LIMIT)
    log.seek(0)
    log.write(end)
    log.truncate()


def _tail(path, limit):
    with open(path, "rb") as file:
        file.seek(0, os.SEEK_END)
        start = max(0, file.tell() - limit)
        file.seek(start)
        data = file.read(limit)
    if start:  # do not begin inside of a character
        data = data.lstrip(bytes(range(0x80, 0xC0)))
    return data.decode("utf-8", "replace")
