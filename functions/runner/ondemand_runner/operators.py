"""From an operator's code to the function to call."""

import importlib.util
import linecache
import os
import re
import sys
import types

from . import pickles
from .outcome import SYSTEM, USER, Failure, user_traceback

DEFAULT_ENTRY_POINT = {"file": "model.py", "class_name": "Function", "method": "predict"}
HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def load_package(entry_point):
    """The method to call of the package in the working directory, and the files whose frames mean nothing to users."""
    # Last, since an operator may be called like a module: a file json.py must not replace the library.
    sys.path.append(os.getcwd())
    entry = {**DEFAULT_ENTRY_POINT, **{k: v for k, v in (entry_point or {}).items() if v}}
    path = os.path.abspath(entry["file"])
    try:
        module = _import_file(path)
        function = getattr(getattr(module, entry["class_name"])(), entry["method"])
    except BaseException as error:
        raise Failure(SYSTEM, _package_tip(error), user_traceback(error, (HERE, "<frozen importlib"))) from None
    # The default entry file is written by the client library, any other by the user.
    return function, (HERE,) if entry_point else (HERE, path)


def load_source(name, source, entry_point):
    """A function defined by a text. The text runs as a module, with lines that tracebacks can show."""
    filename = f"{name}.py"
    module = types.ModuleType(re.sub(r"\W", "_", name) or "operator")
    module.__file__ = filename
    if module.__name__ in sys.modules or importlib.util.find_spec(module.__name__):
        module.__name__ = f"operator_{module.__name__}"
    sys.modules[module.__name__] = module
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    pickles.travels(module)
    exec(compile(source, filename, "exec", dont_inherit=True), module.__dict__)

    function = getattr(module, entry_point, None)
    if not callable(function):
        found = [
            n for n, v in vars(module).items() if callable(v) and getattr(v, "__module__", None) == module.__name__
        ]
        raise Failure(
            USER,
            f"The source of operator {name!r} has no function {entry_point!r}. It has: {', '.join(found) or 'none'}.",
        )
    return function, (HERE,)


def _import_file(path):
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(name, module)
    spec.loader.exec_module(module)
    return module


def _package_tip(error):
    if isinstance(error, ModuleNotFoundError):
        return (
            f"The function could not be loaded: it needs the module {error.name!r}. Add what provides it to the operator's "
            "requirements or, if it is your own file, to its file_dependencies."
        )
    return "The function could not be loaded from its package."
