"""Does what a function returned fit what its operator promised?"""

from . import values
from .outcome import USER, WARNING, Failure


def of(job, returned):
    """(values to store, failure or None); raises a failure if nothing is to be stored."""
    if job["kind"] == "metric":
        return [_metric(job["name"], returned)], None
    if job["kind"] == "check":
        return _check(job, returned)
    outputs = _split(job, returned)
    for item, value in zip(job["outputs"], outputs):
        expected, found = item.get("expected_type") or "untyped", values.infer(value)
        if expected not in ("untyped", found):
            raise Failure(
                USER, f"Output {item['name']!r} must be of type {expected}, but the function returned {_a(value)}."
            )
    return outputs, None


def _split(job, returned):
    count = len(job["outputs"])
    if count == 1:
        return [returned]
    if count == 0:
        return []
    try:
        length = len(returned)
    except TypeError:
        raise Failure(
            USER, f"Operator {job['name']!r} has {count} outputs, but returned one value: {_a(returned)}."
        ) from None
    if length != count:
        raise Failure(USER, f"Operator {job['name']!r} has {count} outputs, but returned {length} values.")
    return list(returned)


def _metric(name, returned):
    if values.infer(returned) != "numeric":
        raise Failure(USER, f"Metric {name!r} must return a number, but returned {_a(returned)}.")
    return values.plain(returned)


def _check(job, returned):
    passed = values.plain(returned)
    if values.is_boolean_series(returned):
        passed = bool(returned.all())
    if not isinstance(passed, bool):
        raise Failure(USER, f"Check {job['name']!r} must return True or False, but returned {_a(returned)}.")
    if passed:
        return [passed], None
    severity = WARNING if job.get("severity") == "warning" else USER
    return [passed], Failure(severity, f"Check {job['name']!r} did not pass.")


def _a(value):
    return f"a value of type {values.infer(value)} (Python's {type(value).__name__})"
