"""Python values as artifacts: which type a value has, and its bytes.

No library is imported to look at a value: an instance of its classes can exist only if it has been imported already.
"""

import io
import json
import sys

from . import pickles


class Unsuitable(ValueError):
    """The value cannot be stored; the text says why and what would help."""


def infer(value):
    """The artifact type of a value; the order of the questions is part of the contract with clients."""
    if _is(value, "pandas", "DataFrame"):
        return "table"
    if _is(value, "PIL.Image", "Image"):
        return "image"
    if isinstance(value, bytes):
        return "bytes"
    if isinstance(value, str):
        return "json" if _is_json(value) else "string"
    if isinstance(value, bool) or _is(value, "numpy", "bool_"):
        return "boolean"
    if isinstance(value, (int, float)) or _is(value, "numpy", "integer", "floating"):
        return "numeric"
    for name, kind in (("dictionary", dict), ("tuple", tuple), ("list", list)):
        if isinstance(value, kind):
            return name
    return "picklable"


def plain(value):
    """The value with a scalar of numpy replaced by the Python value it stands for."""
    if _is(value, "numpy", "bool_"):
        return bool(value)
    if _is(value, "numpy", "integer"):
        return int(value)
    if _is(value, "numpy", "floating"):
        return float(value)
    return value


def serialise(value):
    """(serialization type, bytes) of any value."""
    kind = infer(value)
    if kind == "table":
        return "table", _table_bytes(value)
    if kind == "image":
        return "image", _image_bytes(value)
    if kind == "bytes":
        return "bytes", bytes(value)
    if kind in ("json", "string"):
        return "string", value.encode("utf-8")
    if kind in ("boolean", "numeric"):
        return "json", json.dumps(plain(value)).encode()
    if kind == "picklable":
        return "pickle", pickles.dumps(value)
    try:
        return "json", json.dumps(value).encode()
    except (TypeError, ValueError, RecursionError):
        return "pickle", pickles.dumps(value) if kind == "dictionary" else _container_bytes(value, kind)


def deserialise(serialization_type, artifact_type, data):
    """The value that `serialise` was given, as far as the format can tell."""
    if serialization_type == "table":
        import pandas

        return pandas.read_json(io.BytesIO(data), orient="table", precise_float=True)
    if serialization_type == "json":
        value = json.loads(data.decode("utf-8"))
        return tuple(value) if artifact_type == "tuple" else value
    if serialization_type == "string":
        return data.decode("utf-8")
    if serialization_type == "bytes":
        return data
    if serialization_type == "image":
        from PIL import Image

        return Image.open(io.BytesIO(data))
    if serialization_type == "pickle":
        value = pickles.loads(data)
        is_container = type(value) is dict and set(value) == pickles.CONTAINER_KEYS
        return _container_value(value) if is_container and artifact_type != "dictionary" else value
    raise Unsuitable(f"Values stored as {serialization_type!r} cannot be read here.")


def schema(value):
    """Names and types of a table's columns; nothing for any other value."""
    if infer(value) != "table":
        return []
    return [{str(name): str(dtype)} for name, dtype in zip(value.columns, value.dtypes)]


def is_boolean_series(value):
    return _is(value, "pandas", "Series") and value.dtype == bool


def _is(value, module, *names):
    loaded = sys.modules.get(module)
    return isinstance(value, tuple(getattr(loaded, name, ()) for name in names))


def _is_json(text):
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _table_bytes(table):
    if table.columns.nlevels > 1:
        raise Unsuitable("A table's columns may have one level of names only: flatten them.")
    names = [str(name) for name in table.columns]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise Unsuitable(
            f"A table's columns must have different names, but {', '.join(repeated)} occurs more than once."
        )
    named = table.set_axis(names, axis=1)
    # 15 digits are all that the writer can do; its default of 10 turns small numbers into 0.
    return named.to_json(orient="table", date_format="iso", index=False, double_precision=15).encode("utf-8")


def _image_bytes(image):
    buffer = io.BytesIO()
    has_jpeg_mode = image.mode in ("1", "L", "RGB", "CMYK", "YCbCr")
    (image if has_jpeg_mode else image.convert("RGB")).save(buffer, format="jpeg")
    return buffer.getvalue()


def _container_bytes(values, kind):
    parts = [serialise(value) for value in values]
    return pickles.dumps(
        {
            "aqueduct_serialization_types": [serialization_type for serialization_type, _ in parts],
            "data": [data for _, data in parts],
            "is_tuple": kind == "tuple",
        }
    )


def _container_value(stored):
    # A stored type is a str or an enum of them, which compares equal to its text.
    values = [
        deserialise(kind, None, data) for kind, data in zip(stored["aqueduct_serialization_types"], stored["data"])
    ]
    return tuple(values) if stored["is_tuple"] else values
