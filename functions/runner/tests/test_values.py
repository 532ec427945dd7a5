"""Every type of artifact, from the function that returns it to the one that takes it."""

import json
import tempfile
import venv

from .harness import LIBRARIES, RunnerCase
from .plane import RUNNER

# name: (expression, artifact type, serialization type, what the next operator sees)
VALUES = {
    "text": ("'hello'", "string", "string", "'hello'"),
    "empty text": ("''", "string", "string", "''"),
    "unicode": ("'\\u00e9\\U0001f600'", "string", "string", "'\u00e9\U0001f600'"),
    "json text": ("'{\"a\": 1}'", "json", "string", "'{\"a\": 1}'"),
    "number as text": ("'123'", "json", "string", "'123'"),
    "boolean": ("True", "boolean", "json", "True"),
    "numpy boolean": ("numpy.bool_(False)", "boolean", "json", "False"),
    "integer": ("7", "numeric", "json", "7"),
    "float": ("float('inf')", "numeric", "json", "inf"),
    "numpy integer": ("numpy.int32(7)", "numeric", "json", "7"),
    "dictionary": ("{'a': [1], 'b': None}", "dictionary", "json", "{'a': [1], 'b': None}"),
    "dictionary with sets": ("{'a': {1}}", "dictionary", "pickle", "{'a': {1}}"),
    "list": ("[1, 'a', None]", "list", "json", "[1, 'a', None]"),
    "tuple": ("(1, 'a')", "tuple", "json", "(1, 'a')"),
    "list of bytes": ("[b'x', (1,), 'y', {2}]", "list", "pickle", "[b'x', [1], 'y', {2}]"),
    "tuple of lists of bytes": ("([b'x'], 1)", "tuple", "pickle", "([b'x'], 1)"),
    "bytes": ("bytes([0, 255])", "bytes", "bytes", "b'\\x00\\xff'"),
    "empty bytes": ("b''", "bytes", "bytes", "b''"),
    "none": ("None", "picklable", "pickle", "None"),
    "set": ("{1}", "picklable", "pickle", "{1}"),
    "array": ("numpy.arange(2)", "picklable", "pickle", "array([0, 1])"),
    "own class": ("Own()", "picklable", "pickle", "an instance of its own class"),
    "table": ("pandas.DataFrame({1: [1, 2], 'b': ['x', 'y']})", "table", "table", "   1  b\n0  1  x\n1  2  y"),
    "image": ("Image.new('RGBA', (2, 3), 'red')", "image", "image", "<JpegImageFile (2, 3) RGB>"),
    "list of tables": ("[pandas.DataFrame({'a': [1]}), 1]", "list", "pickle", "[   a\n0  1, 1]"),
}
MAKE = """
import numpy, pandas
from PIL import Image
class Own:
    def __repr__(self): return "an instance of its own class"
def operator():
    return [%s]
"""
TAKE = """
import numpy, pandas
from PIL import Image
def show(value):
    if isinstance(value, Image.Image):
        return "<%s %s %s>" % (type(value).__name__, value.size, value.mode)
    return repr(value)
def operator(*values):
    return [show(value) for value in values]
"""


class RoundTrip(RunnerCase):
    def test_all_types(self):
        expected = [kind for _, kind, _, _ in VALUES.values()]
        self.source(MAKE % ", ".join(row[0] for row in VALUES.values()), LIBRARIES, outputs=expected)
        self.assert_succeeded()
        self.assertEqual(
            [(kind, serialization) for _, kind, serialization, _ in VALUES.values()],
            [(output["artifact_type"], output["serialization_type"]) for output in self.outcome["outputs"]],
        )
        for index, output in enumerate(self.outcome["outputs"]):
            content, metadata = self.artifact(index)
            self.assertEqual(output["size_bytes"], len(content))
            self.assertEqual(output["artifact_type"], metadata["artifact_type"])

        self.source(TAKE, LIBRARIES, inputs=[f"out{index}" for index in range(len(VALUES))])
        self.assert_succeeded()
        seen = dict(zip(VALUES, json.loads(self.artifact()[0])))
        self.assertEqual({name: row[3] for name, row in VALUES.items()}, seen)

    def test_container_written_by_a_client(self):
        """Its pickle refers to an enum of the client library, which is not installed here."""
        self.source(
            """
            import cloudpickle, enum, sys, types
            def operator():
                for name in ("aqueduct", "aqueduct.constants", "aqueduct.constants.enums"):
                    sys.modules[name] = types.ModuleType(name)
                kind = enum.Enum("SerializationType", {"BYTES": "bytes", "STRING": "string"}, type=str, module="aqueduct.constants.enums")
                sys.modules["aqueduct.constants.enums"].SerializationType = kind
                stored = {"aqueduct_serialization_types": [kind.BYTES, kind.STRING], "data": [b"x", b"y"], "is_tuple": True}
                return cloudpickle.dumps(stored)
            """,
            LIBRARIES,
        )
        self.assert_succeeded()
        self.plane.objects["out0/metadata"] = b'{"serialization_type": "pickle", "artifact_type": "tuple"}'
        self.source("def operator(value): return repr(value)", LIBRARIES, inputs=["out0"])
        self.assert_succeeded()
        self.assertEqual(b"(b'x', 'y')", self.artifact()[0])

    def test_without_any_library(self):
        folder = self.enterContext_(tempfile.TemporaryDirectory())
        venv.create(folder, symlinks=True)
        bare = [f"{folder}/bin/python", "-I", str(RUNNER)]
        self.source("def operator(): return {1, 2}", start=bare)
        self.assert_succeeded()
        self.assertEqual("pickle", self.outcome["outputs"][0]["serialization_type"])
        self.source("class Own: pass\ndef operator(): return Own()", start=bare)
        self.assert_failed(2, "add cloudpickle to its requirements")
