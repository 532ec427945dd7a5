"""How a job ends: failures with advice, the tracebacks users see, and the report to the control plane."""

import contextlib
import os
import time
import traceback

SYSTEM = 1  # not the user's doing
USER = 2  # the user's doing, and fatal for the run
WARNING = 3  # the user's doing, and the run goes on

TIMED_OUT, OUT_OF_MEMORY, TRANSPORT = "timed_out", "out_of_memory", "transport"  # causes that others know

TEXT_LIMIT = 64 * 1024  # bytes of a log or a traceback that fit into an outcome


class Failure(Exception):
    """The job failed. `tip` tells what to do about it, `context` is the evidence, `cause` one of those above, if any."""

    def __init__(self, kind, tip, context="", cause=None):
        super().__init__(tip)
        self.kind, self.tip, self.context, self.cause = kind, tip, context, cause

    def as_dict(self):
        return {"kind": self.kind, "tip": clip(self.tip), "context": clip(self.context), "cause": self.cause}


def internal_failure(what):
    """For use in an `except` block: an error that nobody planned for."""
    return Failure(
        SYSTEM, f"{what} This is not the fault of your code; running it again may help.", traceback.format_exc()
    )


def user_traceback(error, internal):
    """The traceback of `error`, without the leading frames that are in files starting with one of `internal`."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(internal):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))


def clip(text):
    """The beginning and the end of a text that is too long."""
    half = TEXT_LIMIT // 2
    return text if len(text) <= TEXT_LIMIT else f"{text[:half]}\n[...]\n{text[-half:]}"


class Timings(dict):
    """Seconds by part of the job, under the names the control plane knows."""

    @contextlib.contextmanager
    def of(self, part):
        start = time.perf_counter()
        try:
            yield
        finally:
            name = f"{part}_seconds"
            self[name] = self.get(name, 0.0) + time.perf_counter() - start

    def merge(self, other):
        for name, seconds in other.items():
            self[name] = self.get(name, 0.0) + seconds


def report(manifest, failure, logs, outputs, system_metadata, timings):
    """The body of the outcome request."""
    return {
        "attempt": manifest.get("attempt", 1),
        "pod": os.environ.get("ONDEMAND_POD"),
        "status": "failed" if failure else "succeeded",
        "failure_type": failure["kind"] if failure else None,
        "cause": failure["cause"] if failure else None,
        "error": {"tip": failure["tip"], "context": failure["context"]} if failure else None,
        "user_logs": logs,
        "outputs": outputs,
        "system_metadata": system_metadata,
        "timings": {
            f"{name}_seconds": round(timings.get(f"{name}_seconds", 0.0), 6)
            for name in ("requirements", "inputs", "function", "outputs")
        },
    }
