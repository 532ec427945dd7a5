"""Changes to ministack's private parts, one module per AWS service.

Each module has an `apply()`. It reaches into ministack only through `private`
and `replace`, so a release that moved a symbol is refused at start, by name,
instead of misbehaving in the middle of a run.
"""

from importlib.metadata import version


class Mismatch(ImportError):
    """The installed ministack lacks a symbol that we rely on."""


def private(owner, *names):
    """The named private members of a ministack module or class."""
    for name in names:
        if not hasattr(owner, name):
            raise Mismatch(f"ministack {version('ministack')} has no {owner.__name__}.{name}")
    found = tuple(getattr(owner, name) for name in names)
    return found if len(found) > 1 else found[0]


def replace(owner, name, substitute):
    """Puts `substitute` in place of `owner.name`."""
    private(owner, name)
    setattr(owner, name, substitute)
