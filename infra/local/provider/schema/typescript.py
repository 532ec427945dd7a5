"""Reads one generated CDKTF binding: which attributes and blocks a Terraform type has.

The bindings are machine-written, so their shape is regular enough for patterns. Three places tell all:

* a comment per attribute with its flags: `// name - computed: true, optional: false, required: false`
* the HCL writers, for what a user can set: `name: { value: …, isBlock: …, type: …, storageClassType: … }`
* the getters, for what only the provider sets: `this.getStringAttribute('name')`, `new FooList(this, "name", …)`
"""

import re
from dataclasses import dataclass, field

FLAGS = re.compile(r"// (\w+) - computed: (\w+), optional: (\w+), required: (\w+)\n(?=((?:.*\n){1,3}))")
SETTABLE = re.compile(
    r"^ +(\w+): \{\n +value: (.*),\n +isBlock: (true|false),\n +type: \"(\w+)\",\n +storageClassType: \"(\w+)\",",
    re.MULTILINE,
)
CLASS = re.compile(r"^export class (\w+) extends ([\w.]+) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
WRITER = re.compile(r"^export function (\w+)ToHclTerraform\(.*?\{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
INTERFACE = re.compile(r"^export interface (\w+) .*?\{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
PROPERTY = re.compile(r"#(\w+) \w+#\w+\}\n(?: +\*.*\n)* +readonly \w+(\??):")
ROOTS = {"cdktf.TerraformResource", "cdktf.TerraformDataSource", "cdktf.TerraformProvider"}

SCALARS = {"String": "string", "Number": "number", "Boolean": "bool"}
STORAGE = {"string": "string", "number": "number", "boolean": "bool"}


class Unreadable(Exception):
    """The binding has a shape that these patterns do not know."""


@dataclass
class Member:
    """An attribute or a nested block, as far as one class tells."""

    computed: bool
    optional: bool
    required: bool
    type: object = None  # Terraform's JSON type of an attribute
    child: str = ""  # name of the class that describes a nested object
    nesting: str = ""  # list, set or single, when there is a child
    is_block: bool = False
    single: bool = False  # at most one item


@dataclass
class Binding:
    """One file of the bindings."""

    source: str
    classes: dict = field(init=False)
    root: str = field(init=False)

    def __post_init__(self):
        found = CLASS.findall(self.source)
        self.classes = {name: body for name, _, body in found}
        self.writers = dict(WRITER.findall(self.source))
        self.interfaces = dict(INTERFACE.findall(self.source))
        self.root = next(name for name, base, _ in found if base in ROOTS)

    def members(self, name):
        """All attributes and blocks of the root class or of a nested object's class."""
        body = self.classes.get(name if name == self.root else f"{name}OutputReference", "")
        writer = body if name == self.root else self.writers.get(name[0].lower() + name[1:], "")
        members = {}
        for tf_name, computed, optional, required, getter in FLAGS.findall(body):
            member = Member(computed == "true", optional == "true", required == "true")
            if not (member.optional or member.required):
                _read_getter(member, getter, tf_name)
            members[tf_name] = member
        optional_of = {prop: mark == "?" for prop, mark in PROPERTY.findall(self.interfaces.get(name, ""))}
        for tf_name, value, is_block, kind, storage in SETTABLE.findall(writer):
            if tf_name not in members:  # a provider's blocks have no class with flags, only an interface
                optional = optional_of.get(tf_name, True)
                members[tf_name] = Member(False, optional, not optional)
            _read_writer(members[tf_name], value, is_block == "true", kind, storage)
        return members


def _read_getter(member, getter, name):
    if match := re.search(r"get(Number|String|Boolean)Attribute\(", getter):
        member.type = SCALARS[match[1]]
    elif match := re.search(r"(Fn\.tolist\(.*)?get(Number|String|Boolean|)ListAttribute\(", getter):
        member.type = ["set" if match[1] else "list", SCALARS[match[2] or "String"]]
    elif match := re.search(r"(?:get|cdktf\.)(Number|String|Boolean)Map(?:Attribute)?\(", getter):
        member.type = ["map", SCALARS[match[1]]]
    elif match := re.search(r"new (\w+?)(List|OutputReference)\(this, \"\w+\"(?:, (true|false))?\)", getter):
        member.child = match[1]
        member.nesting = "set" if match[3] == "true" else "list"
        if match[2] == "OutputReference":
            member.nesting = "single"
    else:
        raise Unreadable(f"the getter of {name}: {getter.strip()}")


def _read_writer(member, value, is_block, kind, storage):
    if not is_block:
        if kind == "simple":
            member.type = STORAGE[storage]
        else:
            member.type = [kind, STORAGE[storage.removesuffix("List").removesuffix("Map")]]
        return
    writer = re.search(r"(\w+)ToHclTerraform", value)[1]
    member.child = writer[0].upper() + writer[1:]
    member.nesting = "single" if kind == "struct" else kind
    # The second argument of the mapper tells a real block from an attribute that looks like one.
    mapper = re.search(r"listMapperHcl\(\w+, (true|false)\)", value)
    member.is_block = mapper is None or mapper[1] == "true"
    member.single = mapper is None
