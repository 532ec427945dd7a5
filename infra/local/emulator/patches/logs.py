"""Writes what functions log to files as well, where a person looks first.

FUNCTION_LOG_DIR   if set: every function's lines go to <function>.log there
"""

import os
from pathlib import Path

from patches import private, replace


def apply():
    folder = os.environ.get("FUNCTION_LOG_DIR")
    if not folder:
        return
    from ministack.core import lambda_runtime

    Path(folder).mkdir(parents=True, exist_ok=True)
    pump = private(lambda_runtime.ProvidedWorker, "_pump_output")

    def pump_to_file(worker, stream, log_queue):
        with open(Path(folder) / f"{worker.func_name}.log", "ab", buffering=0) as log:
            pump(worker, _Tee(stream, log), log_queue)

    replace(lambda_runtime.ProvidedWorker, "_pump_output", pump_to_file)


class _Tee:
    """A stream whose lines are copied to a file as they are read."""

    def __init__(self, stream, copy):
        self._stream, self._copy = stream, copy
        self.close = stream.close

    def readline(self):
        line = self._stream.readline()
        self._copy.write(line)
        return line
