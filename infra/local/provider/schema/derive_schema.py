#!/usr/bin/env python3
"""Derives the AWS provider's schema, in the form of `terraform providers schema -json`, from CDKTF bindings.

The stand-in provider serves the published schema without being able to download the provider itself. The bindings
on PyPI are generated from that schema and embed their own source, so the facts can be read back from them.
Not in the bindings, hence absent here: schema versions, `sensitive`, and `max_items` above one.

    derive_schema.py --out schema.json --terraform terraform/ [aws_vpc data.aws_partition …]
"""

import argparse
import base64
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from typescript import Binding

HERE = Path(__file__).parent
WHEEL = "cdktf_cdktf_provider_aws-*.whl"
PROVIDER = "registry.terraform.io/hashicorp/aws"
EMBEDDED_SOURCE = re.compile(rb"sourceMappingURL=data:application/json;(?:charset=[\w-]+;)?base64,(\S+)")
DECLARATION = re.compile(r'^\s*(resource|data)\s+"(aws_\w+)"', re.MULTILINE)


def attribute(binding, member):
    """Terraform's JSON form of one attribute."""
    result = {"type": member.type or object_type(binding, member)}
    result.update((flag, True) for flag in ("computed", "optional", "required") if getattr(member, flag))
    return result


def object_type(binding, member):
    """A nested object as a type; the form of computed lists of objects and of attributes that look like blocks."""
    fields = binding.members(member.child)
    inner = ["object", {name: m.type or object_type(binding, m) for name, m in fields.items()}]
    return inner if member.nesting == "single" else [member.nesting, inner]


def nested_block(binding, member):
    result = {"nesting_mode": member.nesting, "block": block(binding, member.child)}
    if member.single and member.nesting != "single":
        result["max_items"] = 1
    if member.required:
        result["min_items"] = 1
    return result


def block(binding, name):
    """A class with its nested blocks."""
    members = binding.members(name)
    if name == binding.root:
        members.pop("alias", None)  # Terraform's own argument, not the provider's
    result = {"attributes": {n: attribute(binding, m) for n, m in members.items() if not m.is_block}}
    if blocks := {n: nested_block(binding, m) for n, m in members.items() if m.is_block}:
        result["block_types"] = blocks
    return result


def folder_of(address):
    """`aws_eks_cluster` → `eks-cluster`, `data.aws_partition` → `data-aws-partition`."""
    kind, _, name = address.rpartition(".")
    return ("data-aws-" if kind else "") + name.removeprefix("aws_").replace("_", "-")


def read_sources(wheel, folders):
    """The TypeScript of the folders asked for. The archive is read once, front to back: it is large."""
    wanted = {f"package/lib/{folder}/index.js": folder for folder in folders}
    sources = {}
    with zipfile.ZipFile(wheel) as outer:
        archive = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with outer.open(archive) as stream, tarfile.open(fileobj=stream, mode="r|gz") as inner:
            for entry in inner:
                if entry.name in wanted:
                    encoded = EMBEDDED_SOURCE.search(inner.extractfile(entry).read())[1]
                    source_map = json.loads(base64.b64decode(encoded))
                    sources[wanted[entry.name]] = source_map["sourcesContent"][0]
                    if len(sources) == len(wanted):
                        break
    if missing := set(folders) - set(sources):
        sys.exit(f"derive_schema: the bindings do not know {', '.join(sorted(missing))}")
    return sources


def download(folder):
    """The pinned wheel; pip checks its hash."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--require-hashes", "--requirement", str(HERE / "requirements.txt"), "--dest", str(folder)]
    if any(folder.glob(WHEEL)):  # then without the network
        command += ["--no-index", "--find-links", str(folder)]
    subprocess.run(command, check=True)
    return next(folder.glob(WHEEL))


def declared_in(folder):
    """Addresses of all AWS types that Terraform files below the folder use."""
    found = set()
    for path in folder.rglob("*.tf"):
        if ".terraform" not in path.parts:
            found |= {f"data.{name}" if kind == "data" else name for kind, name in DECLARATION.findall(path.read_text())}
    return found


def derive(addresses, wheel):
    sources = read_sources(wheel, ["provider", *map(folder_of, addresses)])

    def schema(folder):
        binding = Binding(sources[folder])
        return {"version": 0, "block": block(binding, binding.root)}

    resources = {a: schema(folder_of(a)) for a in addresses if "." not in a}
    data = {a.removeprefix("data."): schema(folder_of(a)) for a in addresses if "." in a}
    inner = {"provider": schema("provider"), "resource_schemas": resources, "data_source_schemas": data}
    return {"format_version": "1.0", "provider_schemas": {PROVIDER: inner}}


def known_in(path):
    """Addresses that an earlier run derived."""
    if not path.exists():
        return set()
    inner = json.loads(path.read_text())["provider_schemas"][PROVIDER]
    return set(inner["resource_schemas"]) | {f"data.{name}" for name in inner["data_source_schemas"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="schema file to write; kept if it already has all types")
    parser.add_argument("--terraform", type=Path, action="append", default=[], help="folder of .tf files to scan")
    parser.add_argument("--wheels", type=Path, help="where to keep the wheel (default: beside --out)")
    parser.add_argument("types", nargs="*", help="further types: aws_vpc, data.aws_partition")
    options = parser.parse_args()

    known = known_in(options.out)
    wanted = set(options.types).union(*map(declared_in, options.terraform))
    if not wanted:
        parser.error("no types asked for: name some, or a folder with .tf files that use them")
    if wanted <= known:
        return
    schema = derive(sorted(wanted | known), download(options.wheels or options.out.parent))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=options.out.parent, delete=False) as file:
        json.dump(schema, file, indent=1, sort_keys=True)
    os.replace(file.name, options.out)
    print(f"{options.out}: {len(wanted | known)} types")


if __name__ == "__main__":
    main()
