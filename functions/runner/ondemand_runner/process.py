"""Child processes: what they print, how long they may take, how they end."""

import collections
import contextlib
import os
import signal
import subprocess
import sys
import threading

GRACE_SECONDS = 5  # between asking a process to end and ending it
CHUNK = 64 * 1024

Ended = collections.namedtuple("Ended", "code timed_out")


class Logs:
    """Two files with what a child printed; each line is shown on our own streams as well, for `kubectl logs`."""

    def __init__(self, folder):
        self._paths = {name: os.path.join(folder, f"{name}.log") for name in ("stdout", "stderr")}
        for path in self._paths.values():
            open(path, "wb").close()

    def tail(self, limit):
        """The last `limit` bytes of each, as text."""
        return {name: _tail(path, limit) for name, path in self._paths.items()}

    def pump(self, name, source):
        """Copies everything from the pipe `source` until all its writers are gone."""
        with open(source, "rb", buffering=0) as pipe, open(self._paths[name], "ab", buffering=0) as log:
            for chunk in iter(lambda: pipe.read(CHUNK), b""):
                log.write(chunk)
                with contextlib.suppress(OSError):  # nobody may be reading our output
                    os.write(getattr(sys, f"__{name}__").fileno(), chunk)


def run(command, logs, environment, folder, timeout=None, pass_pipes=False):
    """Runs `command` to its end, with its own process group, and leaves nothing of the group behind.

    With `pass_pipes` the child gets the numbers of the two log pipes as its last arguments and decides itself what to
    write to them; otherwise they are its standard streams.
    """
    (out, child_out), (err, child_err) = os.pipe(), os.pipe()
    if pass_pipes:
        command = [*command, str(child_out), str(child_err)]
        streams = {"pass_fds": (child_out, child_err)}
    else:
        streams = {"stdout": child_out, "stderr": child_err}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, start_new_session=True, **streams
    )
    os.close(child_out)
    os.close(child_err)
    pumps = [
        threading.Thread(target=logs.pump, args=(name, pipe), daemon=True)
        for name, pipe in (("stdout", out), ("stderr", err))
    ]
    for pump in pumps:
        pump.start()
    try:
        return Ended(process.wait(timeout), False)
    except subprocess.TimeoutExpired:
        return Ended(None, True)
    finally:
        _end(process)
        for pump in pumps:
            pump.join(GRACE_SECONDS)  # a daemon that left the group may hold the pipe open for ever


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


def _tail(path, limit):
    with open(path, "rb") as file:
        file.seek(0, os.SEEK_END)
        start = max(0, file.tell() - limit)
        file.seek(start)
        data = file.read(limit)
    if start:  # do not begin inside of a character
        data = data.lstrip(bytes(range(0x80, 0xC0)))
    return data.decode("utf-8", "replace")
