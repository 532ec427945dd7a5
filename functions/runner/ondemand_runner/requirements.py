"""A virtual environment per distinct set of requirements.

Environments are made in place, since their scripts contain their path; a lock keeps others away until a mark says that
the environment is complete. One without the mark is what a crash left behind, and is made again.
"""

import contextlib
import fcntl
import glob
import hashlib
import importlib.util
import os
import re
import shutil
import sys
import venv
import zipfile

from . import process
from .outcome import USER, Failure

# What artifacts need, by serialization or artifact type: the module to look for, and what brings it. The versions are
# those of the client library, whose pickles and tables we exchange; it does not exist for Python 3.12.
if sys.version_info < (3, 12):
    PINS = {
        "pandas": ["pandas==1.5.3", "numpy==1.24.2"],
        "PIL": ["Pillow==9.4.0"],
        "cloudpickle": ["cloudpickle==2.2.1"],
    }
else:
    PINS = {
        "pandas": ["pandas==2.1.4", "numpy==1.26.4"],
        "PIL": ["Pillow==10.1.0"],
        "cloudpickle": ["cloudpickle==3.0.0"],
    }
MODULES = {"table": "pandas", "image": "PIL", "pickle": "cloudpickle", "picklable": "cloudpickle"}

CULPRITS = (
    r"requirement ([^\s(]+) \(from versions",
    r"No matching distribution found for (\S+)",
    r"Invalid requirement: '([^']+)'",
    r"Cannot install (.+?) because these package versions have conflicting dependencies",
    r"Failed building wheel for (\S+)",
    r"Failed to build (\S+)",
)


def interpreter(lines, artifact_types, cache, logs, environment):
    """The path of a Python that has the user's requirements, and what reading and writing the artifacts needs."""
    lines = sorted({line for line in map(_without_comment, lines) if line and "@ file" not in line})
    named = {_name(line) for line in lines}
    if "numpy" not in named and any(re.match(r"pandas\s*==\s*1\.", line) for line in lines):
        lines.append("numpy<2")  # what pandas 1 was built for, but does not say
    modules = sorted({MODULES[kind] for kind in artifact_types if kind in MODULES})
    modules = [module for module in modules if _name(PINS[module][0]) not in named]
    if not lines and all(importlib.util.find_spec(module) for module in modules):
        return sys.executable
    identity = "\n".join([sys.version, *lines, "", *(pin for module in modules for pin in PINS[module])])
    folder = os.path.join(os.path.abspath(cache), hashlib.sha256(identity.encode()).hexdigest()[:32])
    python, mark = os.path.join(folder, "bin", "python"), os.path.join(folder, "complete")
    with _locked(folder + ".lock"):
        if not os.path.exists(mark):
            shutil.rmtree(folder, ignore_errors=True)
            pip = _create(folder, python)
            _install(pip, lines, folder, logs, environment)
            # Only now is it known what the user's requirements brought along.
            missing = [pin for module in modules if not glob.glob(_site(folder) + "/" + module) for pin in PINS[module]]
            _install(pip, [pin for pin in missing if not _is_installed(pin, folder)], folder, logs, environment)
            open(mark, "w").close()
    return python


def activated(environment, python):
    """The environment variables of a process that uses this Python."""
    if python == sys.executable:
        return dict(environment)
    scripts = os.path.dirname(python)
    path = os.pathsep.join(filter(None, [scripts, environment.get("PATH")]))
    return {**environment, "PATH": path, "VIRTUAL_ENV": os.path.dirname(scripts)}


def _create(folder, python):
    """Makes the environment; returns the command that is its pip."""
    # Python before 3.11, if it runs in an environment itself, links the new one to that, which may not live as long.
    sys._base_executable = os.path.realpath(sys.executable)
    if not _outer_pip_is_able():
        venv.create(folder, symlinks=True, with_pip=True)
        return [python, "-I", "-m", "pip"]
    # Installing pip into the environment would take longer than most requirements do. What is lost with it is
    # setuptools, which many older libraries need without saying so: a wheel is a zip file.
    venv.create(folder, symlinks=True)
    ensurepip = importlib.util.find_spec("ensurepip")
    bundled = os.path.dirname(ensurepip.origin) if ensurepip else ""
    for wheel in glob.glob(os.path.join(bundled, "_bundled", "setuptools-*.whl")):
        with zipfile.ZipFile(wheel) as content:
            content.extractall(_site(folder))
    return [sys.executable, "-I", "-m", "pip", "--python", python]


def _outer_pip_is_able():
    """Option --python came with pip 22.3."""
    from importlib import metadata

    try:
        major, minor = metadata.version("pip").split(".")[:2]
        return (int(major), int(minor)) >= (22, 3)
    except (metadata.PackageNotFoundError, ValueError):
        return False


def _install(pip, lines, folder, logs, environment):
    if not lines:
        return
    wanted = os.path.join(folder, "wanted.txt")
    with open(wanted, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    # Compiling everything takes longer than compiling, at import, what is used.
    options = ["--disable-pip-version-check", "--no-input", "--no-compile", "--progress-bar=off"]
    ended = process.run([*pip, "install", *options, "-r", wanted], logs, environment, folder)
    if ended.code != 0:
        raise Failure(USER, _tip("".join(logs.tail(1 << 20).values()), lines))


def _tip(output, lines):
    culprits = (re.search(pattern, output) for pattern in CULPRITS)
    culprit = next((found.group(1) for found in culprits if found), None)
    what = f"requirement {culprit}" if culprit else f"requirements ({', '.join(lines)})"
    what = re.sub(r"//[^/@\s]+@", "//****@", what)  # the address of a private index may hold its password
    return f"The operator's {what} cannot be installed; the logs have what pip said."


def _is_installed(pin, folder):
    return any(_name(os.path.basename(path)) == _name(pin) for path in glob.glob(_site(folder) + "/*.dist-info"))


def _name(text):
    """The distribution's name at the beginning of a requirement or of a dist-info folder, in its normal form."""
    return re.sub(r"[-_.]+", "-", re.match(r"(?:[A-Za-z0-9_.]|-(?!\d))*", text).group()).lower()


def _site(folder):
    return os.path.join(folder, "lib", "python%d.%d" % sys.version_info[:2], "site-packages")


def _without_comment(line):
    return re.sub(r"(^|\s)#.*$", "", line).strip()


@contextlib.contextmanager
def _locked(path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
