"""Pickling, with cloudpickle where it is installed, and the one container format made of pickles."""

import enum
import importlib.util
import io
import pickle
import types

# A list or tuple that JSON cannot hold travels as a pickled dict with exactly these keys.
CONTAINER_KEYS = {"aqueduct_serialization_types", "data", "is_tuple"}


class _SerializationType(str, enum.Enum):
    """Stands in for the client library's enum, which its pickles refer to by name."""

    TABLE = "table"
    BSON_TABLE = "bson_table"
    JSON = "json"
    PICKLE = "pickle"
    IMAGE = "image"
    STRING = "string"
    BYTES = "bytes"
    TF_KERAS = "tensorflow-keras-model"


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        try:
            return super().find_class(module, name)
        except ModuleNotFoundError:
            if (module, name) == ("aqueduct.constants.enums", "SerializationType"):
                return _SerializationType
            raise


def loads(data):
    return _Unpickler(io.BytesIO(data)).load()


def dumps(value):
    if importlib.util.find_spec("cloudpickle") is None:
        return _plain_dumps(value)
    import cloudpickle

    if hasattr(cloudpickle, "register_pickle_by_value"):
        for module in _travelling:
            cloudpickle.register_pickle_by_value(module)
    return cloudpickle.dumps(value, protocol=pickle.DEFAULT_PROTOCOL)


_travelling = []


def travels(module):
    """Says that `module` exists in this process only: what it defines must be pickled with the values that need it."""
    _travelling.append(module)


def _plain_dumps(value):
    buffer = io.BytesIO()
    _PlainPickler(buffer, protocol=pickle.DEFAULT_PROTOCOL).dump(value)
    return buffer.getvalue()


class _PlainPickler(pickle.Pickler):
    """Plain pickle would store a reference to the operator's module, which no reader has. Refuse that here."""

    def reducer_override(self, value):
        if isinstance(value, (type, types.FunctionType)) and value.__module__ in {m.__name__ for m in _travelling}:
            raise pickle.PicklingError(
                f"{value.__qualname__!r} is defined by the operator itself; add cloudpickle to its requirements"
            )
        return NotImplemented
