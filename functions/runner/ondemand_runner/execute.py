"""The child process: reads the inputs, calls the user's function, writes the outputs and a result.

Started as `execute <workspace> <pipe for stdout> <pipe for stderr> <pipe for marks>`, in the operator's folder and
environment. A mark says that the function begins, another one that it is over: this is what its time-out counts.
"""

import contextlib
import json
import os
import sys
import time
import tracemalloc

from . import operators, values, verdict
from .outcome import SYSTEM, USER, Failure, Timings, internal_failure, user_traceback
from .process import die_with_parent

LARGEST_VALUE = 5 << 30  # bytes that S3 takes in one request


def main(arguments):
    die_with_parent()
    workspace, (*pipes, marks) = arguments[0], map(int, arguments[1:])
    for pipe in (*pipes, marks):
        os.set_inheritable(pipe, False)
    with open(os.path.join(workspace, "job.json"), encoding="utf-8") as file:
        job = json.load(file)
    sys.argv = [job["name"]]
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # whole lines survive even if the process does not
    result = {"failure": None, "outputs": [], "system_metadata": {}, "timings": Timings()}
    try:
        execute(job, pipes, marks, result)
    except Failure as failure:
        result["failure"] = failure.as_dict()
    except Exception:
        result["failure"] = internal_failure("The runner met an unexpected error.").as_dict()
    path = os.path.join(workspace, "result.json")
    with open(f"{path}.part", "w", encoding="utf-8") as file:
        json.dump(result, file)
    os.rename(f"{path}.part", path)
    return 1 if result["failure"] else 0


def execute(job, pipes, marks, result):
    timings, code = result["timings"], job["code"]
    with timings.of("inputs"):
        inputs = [read(item) for item in job["inputs"]]
    mark(marks)
    if code["type"] == "package":
        function, internal = operators.load_package(code.get("entry_point"))
    else:
        with captured(pipes), advised(job["name"], (operators.HERE,)):
            function, internal = operators.load_source(job["name"], code["source"], code["entry_point"])

    with timings.of("function"), captured(pipes), advised(job["name"], internal):
        returned, result["system_metadata"] = measured(function, inputs)
    mark(marks)
    outputs, failure = verdict.of(job, returned)
    with timings.of("outputs"):
        measurements = result["system_metadata"]
        result["outputs"] = [write(item, value, measurements) for item, value in zip(job["outputs"], outputs)]
    if failure:
        raise failure


def mark(pipe):
    with contextlib.suppress(OSError):  # a function may close whatever is open
        os.write(pipe, b".")


def measured(function, inputs):
    """Calls; wall time in seconds and the peak of Python's own allocations in MB of 10^6, as strings."""
    tracemalloc.start()
    start = time.perf_counter()
    try:
        returned = function(*inputs)
        runtime = time.perf_counter() - start
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return returned, {"runtime": str(runtime), "max_memory": str(peak / 10**6)}


@contextlib.contextmanager
def captured(pipes):
    """Sends file descriptors 1 and 2 to the pipes, so that also C code and subprocesses are heard."""
    saved = [os.dup(1), os.dup(2)]
    _flush()
    os.dup2(pipes[0], 1)
    os.dup2(pipes[1], 2)
    try:
        yield
    finally:
        _flush()
        for target, original in enumerate(saved, start=1):
            os.dup2(original, target)
            os.close(original)


@contextlib.contextmanager
def advised(name, internal):
    """Turns whatever user code raises into a failure that shows the user's own frames."""
    try:
        yield
    except Failure:
        raise
    except SystemExit as error:
        tip = (
            f"Operator {name!r} ended its process with sys.exit({error.code!r}). Return a value or raise an exception."
        )
        raise Failure(USER, tip, user_traceback(error, internal)) from None
    except ModuleNotFoundError as error:
        tip = f"Operator {name!r} needs the module {error.name!r}: add what provides it to the operator's requirements."
        raise Failure(USER, tip, user_traceback(error, internal)) from None
    except MemoryError as error:
        tip = f"Operator {name!r} could not get the memory it asked for. Give it more: resources={{'memory': ...}}."
        raise Failure(USER, tip, user_traceback(error, internal)) from None
    except BaseException as error:
        tip = f"Operator {name!r} raised {type(error).__name__}. The traceback shows where."
        raise Failure(USER, tip, user_traceback(error, internal)) from None


def read(item):
    with open(item["path"], "rb") as file:
        data = file.read()
    try:
        return values.deserialise(item["serialization_type"], item["artifact_type"], data)
    except ModuleNotFoundError as error:
        tip = f"Input {item['name']!r} needs the module {error.name!r}: add what provides it to the operator's requirements."
        raise Failure(USER, tip, user_traceback(error, (operators.HERE,))) from None
    except Exception as error:
        raise Failure(SYSTEM, f"Input {item['name']!r} could not be read.", user_traceback(error, ())) from None


def write(item, value, system_metadata):
    try:
        serialization_type, data = values.serialise(value)
    except values.Unsuitable as error:
        raise Failure(USER, f"Output {item['name']!r} cannot be stored. {error}") from None
    except Exception as error:
        tip = f"Output {item['name']!r}, a {type(value).__name__}, cannot be stored: {error}. Return plain data."
        raise Failure(USER, tip, user_traceback(error, (operators.HERE,))) from None
    if len(data) > LARGEST_VALUE:
        tip = f"Output {item['name']!r} has {len(data)} bytes, more than the {LARGEST_VALUE >> 30} GiB that can be stored. "
        raise Failure(USER, tip + "Write the data to a store of your own, and return its address.")
    artifact_type = values.infer(value)
    with open(item["content_path"], "wb") as file:
        file.write(data)
    metadata = {
        "schema": values.schema(value),
        "system_metadata": system_metadata,
        "artifact_type": artifact_type,
        "serialization_type": serialization_type,
        "python_type": type(value).__name__,
    }
    with open(item["metadata_path"], "w", encoding="utf-8") as file:
        json.dump(metadata, file)
    return {
        "artifact_id": item["artifact_id"],
        "artifact_type": artifact_type,
        "serialization_type": serialization_type,
        "size_bytes": len(data),
    }


def _flush():
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # user code may have closed or replaced it
            stream.flush()
