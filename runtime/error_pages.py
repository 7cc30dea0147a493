"""docs/errors.md: written from the tables that the errors are made with."""

from __future__ import annotations

from runtime.error_codes import ERRORS, WARNINGS, operation_codes
from runtime.errors import errno_name
from runtime.lifecycle.report import HINTS
from runtime.plan.reasons import WHY

HEAD = """\
# Errors and warnings

Every error and every warning has a code that stays the same when its words change. With
`--log-format json` a record carries it as `code`, beside `msg`, and where they apply `field` (the
place in config.json, or the option), `syscall`, `errno` (its name) and `hint`:

```json
{"code":"mount-failed","errno":"EINVAL","field":"mounts[1].options[3]","hint":"...","level":"error","msg":"...","syscall":"fsconfig","time":"..."}
```

In text a warning ends in its code, in brackets. `pyrunc validate` tells the code of each finding.
The words that engines look for in `msg`, such as "does not exist" or "executable file not found in
$PATH", stay as well.

This page is made from the tables in `runtime/error_codes.py` and `runtime/lifecycle/report.py`; a
test says when it is not, and writes it anew with `PYRUNC_GOLDEN=write`.
"""
OPERATIONS_HEAD = """\
## Operations

What the container's process does between its birth and its program is a list of operations:
`pyrunc explain` shows it. One that fails has a code of its own, and the message has the system
call and the kernel's reason. Where the kernel's word misleads, a hint says more.
"""


def errors_markdown() -> str:
    """The page."""
    return "\n".join(
        [HEAD, *_errors(), "", OPERATIONS_HEAD, *_operations(), "", *_hints(), "", *_warnings(), ""]
    )


def _errors() -> list[str]:
    rows = [f"| `{code}` | {what} | {todo} |" for code, (what, todo) in sorted(ERRORS.items())]
    return [
        "## Errors",
        "",
        "| code | what has happened | what to do |",
        "| --- | --- | --- |",
        *rows,
    ]


def _operations() -> list[str]:
    rows = []
    for code, name in operation_codes().items():
        # The executor looks the program up before it becomes it; the failure has one code.
        if name not in ("executable", "exec", "hook"):
            reason = WHY.get(name, "").removeprefix("asked for").lstrip(",;: ")
            rows.append(f"| `{code}` | {name} | {reason} |")
    return ["| code | operation | why it is done |", "| --- | --- | --- |", *rows]


def _hints() -> list[str]:
    rows = [
        f"| `{name.replace('_', '-')}-failed` | {errno_name(number)} | {hint} |"
        for (name, number), hint in sorted(HINTS.items())
    ]
    return ["| code | errno | hint |", "| --- | --- | --- |", *rows]


def _warnings() -> list[str]:
    rows = [f"| `{code}` | {what} |" for code, what in sorted(WARNINGS.items())]
    return ["## Warnings", "", "| code | what it means |", "| --- | --- |", *rows]
