"""Our schema, our fast validator and the official schema of the runtime-spec: one verdict.

The official files are not part of this tree. They are looked for where PYRUNC_RUNTIME_SPEC
says, else beside the tree.
"""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from oci_schema.check import is_valid
from oci_schema.documents import document
from oci_schema.explain import explain
from runtime.cli.call import json_text
from runtime.cli.features import features_document

TOP = Path(__file__).parents[3]
SPEC = Path(os.environ.get("PYRUNC_RUNTIME_SPEC", TOP.parent / "shared" / "runtime-spec"))
SCHEMA = SPEC / "schema"

pytestmark = pytest.mark.skipif(
    not (SCHEMA / "config-schema.json").is_file(),
    reason=f"no official schema in {SPEC}; PYRUNC_RUNTIME_SPEC can name another place",
)

INT64_MAX = 2**63 - 1

# Where we mean to differ: the place in the official files, the keywords there instead, why.
AMENDMENTS: list[tuple[str, dict[str, Any], str]] = [
    (
        "defs.json/definitions/mapStringString",
        {"type": "object", "additionalProperties": {"type": "string"}},
        'the pattern ".{1,}" leaves the values of the keys "" and "\\n" unchecked',
    ),
    (
        "defs.json/definitions/Hook/properties/timeout",
        {"type": "integer", "minimum": 1, "maximum": INT64_MAX},
        "a timeout is a C number: no more than 64 bits",
    ),
]
# Patterns: $ is the end, as in ECMA-262, by which JSON Schema reads them; Python's $ also
# matches before a newline at the end.
STRICT_END = r"$(?!\n)"


def official(kind: str, *, amended: bool) -> Draft4Validator:
    """The validator of the official schema, its files put into one document."""
    files = {path.name: json.loads(path.read_text()) for path in SCHEMA.glob("*.json")}
    if amended:
        for place, keywords, _ in AMENDMENTS:
            node = files
            *parents, last = place.split("/")
            for step in parents:
                node = node[step]
            assert last in node
            node[last] = keywords
    files = {name: moved(content, name, amended=amended) for name, content in files.items()}
    return Draft4Validator({"files": files, "$ref": f"#/files/{kind}-schema.json"})


def moved(node: Any, name: str, *, amended: bool) -> Any:
    if isinstance(node, list):
        return [moved(item, name, amended=amended) for item in node]
    if not isinstance(node, dict):
        return node
    result = {key: moved(item, name, amended=amended) for key, item in node.items()}
    if isinstance(node.get("$ref"), str):
        file, _, pointer = node["$ref"].partition("#")
        result["$ref"] = f"#/files/{file or name}{pointer}"
    if amended and isinstance(node.get("pattern"), str):
        result["pattern"] = node["pattern"].replace("$", STRICT_END)
    return result


def examples(kind: str, verdict: str) -> list[Any]:
    """The official examples; those that are no JSON are the parser's to refuse."""
    cases = []
    for path in sorted((SCHEMA / "test" / kind / verdict).glob("*.json")):
        try:
            content = json.loads(path.read_text())
        except json.JSONDecodeError:
            continue
        cases.append(pytest.param(content, id=f"{kind} {path.stem}"))
    return cases


def complete(node: dict[str, Any], whole: dict[str, Any]) -> Any:
    """A value with every property that our schema knows."""
    while "$ref" in node:
        reference, node = node["$ref"], whole
        for step in reference.split("/")[1:]:
            node = node[step]
    if "enum" in node:
        return node["enum"][-1]
    if "pattern" in node:
        samples = ("RLIMIT_CORE", "0-3, 7", "MB:0=50", "64KB", "CAP_CHOWN")
        return next(text for text in samples if not list(strict(node).iter_errors(text)))
    if node["type"] == "array":
        return [complete(node["items"], whole)]
    if node["type"] == "object":
        members = {k: complete(v, whole) for k, v in node.get("properties", {}).items()}
        if "additionalProperties" in node:
            members["a.name/of.some-kind"] = complete(node["additionalProperties"], whole)
        return members
    return {"string": "text", "boolean": True, "integer": node.get("minimum", 7)}[node["type"]]


def strict(node: dict[str, Any]) -> Draft4Validator:
    return Draft4Validator({"type": "string", "pattern": node["pattern"]})


KINDS = ("config", "features", "state")


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_with_every_property_is_valid(kind: str) -> None:
    whole = document(kind)
    value = complete(whole, whole)
    assert [error.message for error in official(kind, amended=False).iter_errors(value)] == []
    assert explain(value, kind=kind) == []
    assert kind != "config" or is_valid(value)


@pytest.mark.parametrize("kind", KINDS)
def test_every_official_property_is_ours(kind: str) -> None:
    """Replace each property by a value of a wrong type: who knows it, minds."""
    whole = document(kind)
    value = complete(whole, whole)
    ours = {problem.pointer for problem in explain(spoilt(value), kind=kind)}
    theirs = set()
    for error in official(kind, amended=False).iter_errors(spoilt(value)):
        # Namespaces are an "anyOf" of one shape there: what is wrong is the context.
        for leaf in error.context or [error]:
            theirs.add("/" + "/".join(str(s).replace("/", "~1") for s in leaf.absolute_path))
    assert ours == theirs
    assert len(ours) == {"config": 249, "features": 24, "state": 6}[kind]


def spoilt(value: Any) -> Any:
    """The same with a value of a wrong type at every leaf."""
    if isinstance(value, dict):
        return {key: spoilt(item) for key, item in value.items()} or 1.5
    if isinstance(value, list):
        return [spoilt(item) for item in value]
    return 1.5


@pytest.mark.parametrize("value", examples("config", "good"))
def test_good_configurations(value: Any) -> None:
    assert is_valid(value)
    assert explain(value) == []


@pytest.mark.parametrize("value", examples("config", "bad"))
def test_bad_configurations(value: Any) -> None:
    assert not is_valid(value)
    assert explain(value) != []


@pytest.mark.parametrize("kind", ["features", "state"])
def test_other_kinds(kind: str) -> None:
    good = examples(kind, "good")
    assert good
    for case in good:
        assert explain(case.values[0], kind=kind) == []
    for case in examples(kind, "bad"):
        assert explain(case.values[0], kind=kind) != []


BASE = {"ociVersion": "1.3.0"}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({**BASE, "annotations": {"": 5}}, id="annotation without a name"),
        pytest.param({**BASE, "linux": {"sysctl": {"\n": []}}}, id="a newline for a key"),
        pytest.param(
            {**BASE, "hooks": {"poststop": [{"path": "/x", "timeout": 2**63}]}},
            id="timeout of 64 bits and one",
        ),
        pytest.param(
            {**BASE, "linux": {"intelRdt": {"memBwSchema": "MB:0=1\n"}}},
            id="newline at the end of a pattern",
        ),
    ],
)
def test_intended_differences(value: Any) -> None:
    """The official files accept these, we do not: see AMENDMENTS and STRICT_END."""
    assert official("config", amended=False).is_valid(value)
    assert not official("config", amended=True).is_valid(value)
    assert not is_valid(value)
    assert explain(value) != []


NUMBERS = [0, 1, -1, 7, 255, 256, 512, 65535, 65536, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63]
NUMBERS += [2**64 - 1, 2**64, -(2**31) - 1, -(2**63), -(2**63) - 1]
WORDS = ["", "x", "\n", "c", "cb", "pid", "new", "raw", "64KB", "64kB", "1GB\n", "RLIMIT_"]
WORDS += ["RLIMIT_A", "SCMP_ACT_LOG", "SCMP_CMP_EQ", "SCHED_RR", "MB:", "MB:1\n2", "0-3,7", "0-3;7"]
JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, False, 1.0, 1.5, 1e300, *NUMBERS, *WORDS, [], {}, [1], [""], [None], [{}], {"": 1}]
).map(copy.deepcopy)  # what is mutated next must not be the sample


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of a value and of all that is in it."""
    items = (
        value.items() if isinstance(value, dict)
        else enumerate(value) if isinstance(value, list)
        else ()
    )  # fmt: skip
    return [path, *(place for key, item in items for place in places(item, (*path, key)))]


def keys_of(node: Any) -> set[str]:
    if isinstance(node, list):
        return set().union(*map(keys_of, node))
    if not isinstance(node, dict):
        return set()
    own = node.get("properties")
    return set().union(own if isinstance(own, dict) else (), *map(keys_of, node.values()))


@st.composite
def mutated(draw: st.DrawFn, values: list[Any], keys: list[str]) -> Any:
    """One of `values`, changed in one to three places."""
    root = {"": copy.deepcopy(draw(st.sampled_from(values)))}
    for _ in range(draw(st.sampled_from([1, 1, 2, 3]))):
        *parents, last = draw(st.sampled_from(places(root)[1:]))
        holder: Any = root
        for step in parents:
            holder = holder[step]
        change = draw(st.sampled_from(["delete", "replace", "insert", "retype"]))
        if change == "insert" and isinstance(holder[last], dict):
            holder[last][draw(st.sampled_from(keys))] = draw(JUNK)
        elif change == "insert" and isinstance(holder[last], list):
            holder[last].insert(0, draw(JUNK))
        elif change == "retype":
            wrapped = [[holder[last]], {"path": holder[last]}, str(holder[last]), None]
            holder[last] = draw(st.sampled_from(wrapped))
        elif change == "delete" and parents:
            del holder[last]
        else:
            holder[last] = draw(JUNK)
    return root[""]


@pytest.mark.parametrize(("kind", "count"), [("config", 3000), ("features", 400), ("state", 300)])
def test_mutations(kind: str, count: int) -> None:
    whole = document(kind)
    values = [case.values[0] for verdict in ("good", "bad") for case in examples(kind, verdict)]
    # The whole document is left in peace mostly: its parts, made valid, are faster to check.
    full = complete(whole, whole)
    required = {key: value for key, value in full.items() if isinstance(value, str)}
    values += [{**required, key: value} for key, value in full.items()]
    validator = official(kind, amended=True)
    verdicts = {True: 0, False: 0}

    @settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(mutated(values, [*sorted(keys_of(whole)), "", "unknown"]))
    def same_verdict(value: Any) -> None:
        verdict = validator.is_valid(value)
        verdicts[verdict] += 1
        assert (explain(value, kind=kind) == []) is verdict
        if kind == "config":
            assert is_valid(value) is verdict

    same_verdict()
    # Both verdicts must have been seen often, else the mutations are too wild or too tame.
    assert sum(verdicts.values()) >= count
    assert min(verdicts.values()) >= count // 40


def test_the_document_of_features_is_valid() -> None:
    written = json.loads(json_text(features_document()))
    assert [
        error.message for error in official("features", amended=False).iter_errors(written)
    ] == []
