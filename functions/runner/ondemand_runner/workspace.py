"""The job's folder: the unpacked package, inputs, outputs, and what parent and child tell each other."""

import json
import os
import posixpath
import shutil
import stat
import sys
import tempfile
import zipfile

from .outcome import SYSTEM, Failure


class Workspace:
    """A temporary folder that is gone when the job is over. The bootstrap has made it, and the runner lies in it."""

    def __init__(self):
        self.path = os.environ.get("ONDEMAND_WORKSPACE") or tempfile.mkdtemp(prefix="ondemand-eks-")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def folder(self, *names):
        path = os.path.join(self.path, *names)
        os.makedirs(path, exist_ok=True)
        return path

    def file(self, *names):
        self.folder(*names[:-1])
        return os.path.join(self.path, *names)

    def write_json(self, value, *names):
        with open(self.file(*names), "w", encoding="utf-8") as file:
            json.dump(value, file)

    def read_json(self, *names):
        """The content of a JSON file, or None if there is no such file."""
        try:
            with open(os.path.join(self.path, *names), encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return None


def unpack(archive, target):
    """Unpacks a function package; returns its one top-level folder and the lines of its requirements."""
    with zipfile.ZipFile(archive) as package:
        top = next((name for name in package.namelist() if name.endswith("/")), None)
        if top is None:
            raise Failure(SYSTEM, "The function's package has no folder.")
        for entry in package.infolist():
            name = posixpath.normpath(entry.filename)
            if name.startswith(("/", "..")) or stat.S_ISLNK(entry.external_attr >> 16):
                raise Failure(SYSTEM, f"The function's package has an unsafe entry: {entry.filename!r}.")
        package.extractall(target)
    folder = os.path.join(target, top.split("/", 1)[0])
    _check_python(os.path.join(folder, "python_version.txt"))
    return folder, _lines(os.path.join(folder, "requirements.txt"))


def _check_python(path):
    """Pickled functions do not survive a change of Python's minor version, and die with obscure errors."""
    made_by, running = "".join(_lines(path)), "%d.%d" % sys.version_info[:2]
    if made_by and made_by != running:
        raise Failure(SYSTEM, f"The function was packed by Python {made_by}, but its image has Python {running}.")


def _lines(path):
    try:
        with open(path, encoding="utf-8") as file:
            return [line.strip() for line in file if line.strip()]
    except FileNotFoundError:
        return []
