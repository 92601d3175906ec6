# SPDX-License-Identifier: GPL-2.0-only
"""schema.py SCHEMAS FILE...: every document in the files is what its schema says.

A file is a document, or what tests/cli/lib.bash keeps of a command, in which documents may
stand. Says which schema had no document, and which object of one lets any member pass.
"""
import json
import os
import re
import sys

import jsonschema

BEGIN = re.compile(r'^\{\s*"(schema|displayTimeUnit|otherData|traceEvents)":', re.M)


def documents(path):
    """What of a document was cut away by the command is none."""
    with open(path, encoding="utf-8", errors="replace") as f:
        text = f.read()
    for begin in BEGIN.finditer(text):
        try:
            yield json.JSONDecoder().raw_decode(text, begin.start())[0]
        except ValueError:
            pass


def name_of(document):
    """Of older versions there is no schema."""
    known = re.fullmatch(r"retryscope-(\w+)/\d+", str(document.get("schema", "")))
    return known[1] if known else "timeline" if "traceEvents" in document else None


def parts(schema, path):
    """All schemas in a schema, with where they stand."""
    if isinstance(schema, dict):
        yield path, schema
        for key, value in schema.items():
            yield from parts(value, path + "/" + key)
    elif isinstance(schema, list):
        for i, value in enumerate(schema):
            yield from parts(value, f"{path}/{i}")


def main():
    folder, files = sys.argv[1], sys.argv[2:]
    validators, failures = {}, []
    for file in sorted(os.listdir(folder)):
        with open(os.path.join(folder, file), encoding="utf-8") as f:
            schema = json.load(f)
        jsonschema.Draft202012Validator.check_schema(schema)
        validators[file.removesuffix(".json")] = jsonschema.Draft202012Validator(schema)
        failures += [
            f"{file}: {path} lets any member pass"
            for path, part in parts(schema, "")
            if part.get("type") in ("object", ["object", "null"])
            and not {"additionalProperties", "unevaluatedProperties", "$ref"} & set(part)
            # Closed by who refers to it; what it may be is told by the kind of event.
            and not path.endswith(("/$defs/counts", "/traceEvents/items/properties/args"))
        ]
    seen = dict.fromkeys(validators, 0)
    for file in files:
        for document in documents(file):
            name = name_of(document)
            if name is None:
                continue
            if name not in validators:
                failures.append(f"{file}: there is no docs/schema/{name}.json")
                continue
            seen[name] += 1
            failures += [
                f"{file}: {name}: {error.json_path}: {error.message[:200]}"
                for error in validators[name].iter_errors(document)
            ]
    failures += [f"{name}.json: no test has such a document" for name in seen if not seen[name]]
    print(", ".join(f"{name} {number}" for name, number in seen.items()))
    sys.exit("\n".join(failures) if failures else 0)


main()
