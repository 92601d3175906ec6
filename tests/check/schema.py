# SPDX-License-Identifier: GPL-2.0-only
"""schema.py SCHEMAS VERDICTS WORK DOCUMENT...: tests/schema judges as python3-jsonschema does.

Each document is changed in one place, in another one each time: WORK gets what came of it, the
program VERDICTS says of each whether its schema allows it.
"""
import copy
import json
import os
import re
import subprocess
import sys

import jsonschema

PLACES = 5  # of a document; each costs some ms
VALUES = [0, -1, 0.5, 1.0, "x", "12", "9007199254740993", "0x1f", True, None, [], [0, 0], {}, {"x": 0}]


def places(value, path):
    """All members of objects and arrays: the container's path, the key, and where that is."""
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for key, member in members:
        yield path, key
        if isinstance(member, (dict, list)):
            yield from places(member, path + [key])


def container(document, path):
    for key in path:
        document = document[key]
    return document


def mutants(document, seen):
    """The document, and one with each place that is not in SEEN changed."""
    yield document
    found = list(places(document, []))
    for path, key in found[len(seen) % 7 :: 1 + len(found) // PLACES]:
        place = tuple("[]" if isinstance(k, int) else k for k in path + [key])
        if place in seen:
            continue
        seen.add(place)
        for kind in "value", "name":
            mutant = copy.deepcopy(document)
            parent = container(mutant, path)
            if kind == "value":
                parent[key] = VALUES[len(seen) % len(VALUES)]
            elif isinstance(parent, list):
                parent.append(copy.deepcopy(parent[key]))
            else:
                member = parent.pop(key)
                if len(seen) % 2:
                    parent[key + "_"] = member
            yield mutant


def name_of(document):
    known = re.match(r"retryscope-([a-z]+)/", str(document.get("schema", "")))
    return known[1] if known else "timeline" if "traceEvents" in document else None


def main():
    schemas, verdicts, work, documents = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
    validators = {}
    for file in sorted(os.listdir(schemas)):
        with open(os.path.join(schemas, file), encoding="utf-8") as f:
            schema = json.load(f)
        jsonschema.Draft202012Validator.check_schema(schema)
        validators[file.removesuffix(".json")] = jsonschema.Draft202012Validator(schema)
    expected, seen = [], {name: set() for name in validators}
    for path in documents:
        with open(path, encoding="utf-8") as f:
            document = json.load(f)
        name = name_of(document)
        for mutant in mutants(document, seen[name]):
            known = name_of(mutant) in validators
            expected.append(known and validators[name_of(mutant)].is_valid(mutant))
            with open(os.path.join(work, f"mutant{len(expected)}.json"), "w", encoding="utf-8") as f:
                json.dump(mutant, f)
    files = [os.path.join(work, f"mutant{i + 1}.json") for i in range(len(expected))]
    said = subprocess.run([verdicts, *files], capture_output=True, text=True, check=False)
    wrong = []
    for holds, line in zip(expected, said.stdout.splitlines(), strict=True):
        if holds != line.endswith(": ok"):
            wrong.append(f"{line}; python3-jsonschema says {'ok' if holds else 'it is not'}")
    print(f"{len(expected)} documents, {sum(expected)} of them as their schema says")
    sys.exit("\n".join(wrong) if wrong else 0)


main()
