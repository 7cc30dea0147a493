"""validate: say everything that is wrong or unwise about a bundle's configuration."""

from __future__ import annotations

from runtime.cli.call import json_text, write_out
from runtime.cli.options import FLAG, TEXT, Command, Option
from runtime.errors import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.call import Call, Json
    from runtime.cli.paint import Paint
    from runtime.lifecycle.finding import Finding
    from runtime.lifecycle.validate import Report

WARNED_STATUS = 2
COLOUR_OF = {"error": "red", "warning": "yellow"}
MOST_WORDS = 12

COMMAND = Command(
    "validate",
    "",
    "say what is wrong or unwise about a configuration",
    least=0,
    most=0,
    options=(
        Option(
            "bundle", TEXT, "the bundle's directory (default: the working directory)",
            aliases=("b",), metavar="DIR",
        ),
        Option(
            "config", TEXT, "look at FILE, whether or not it is in a bundle",
            aliases=("f",), metavar="FILE",
        ),
        Option("json", FLAG, "print the findings as JSON"),
        Option("strict", FLAG, "exit with 2 when there are warnings"),
        Option("schema", FLAG, "print the JSON Schema of config.json, and look at nothing"),
    ),
    description="""
An error is what create would refuse, a warning what is dangerous or without effect. Each is told
with its line and column, the value, what is allowed, and what may have been meant.
""",
)  # fmt: skip


def main(call: Call) -> int:
    """Print the findings: 0 without errors, 1 with, 2 for warnings under --strict."""
    if call.flag("schema"):
        write_out(schema_text())
        return 0
    from runtime.cli.paint import Paint
    from runtime.lifecycle.validate import validate

    report = validate(call.text("bundle"), call.text("config"))
    if call.flag("json"):
        write_out(json_text(document(report), "  ") + "\n")
    else:
        write_out(as_text(report, Paint()))
    if report.count("error"):
        return 1
    return WARNED_STATUS if call.flag("strict") and report.findings else 0


def schema_text() -> str:
    """The schema, for editors that complete and check by it."""
    from oci_schema.documents import document as schema
    from runtime.jsonfile import dump_indented

    return dump_indented(schema("config"), "  ") + "\n"


def document(report: Report) -> dict[str, Json]:
    """The report for programs."""
    return {
        "file": report.file,
        "valid": not report.count("error"),
        "errors": report.count("error"),
        "warnings": report.count("warning"),
        "findings": [finding.document() for finding in report.findings],
    }


def as_text(report: Report, paint: Paint) -> str:
    """A line or more for each finding, as compilers write them, and one for them all."""
    from runtime.cli.paint import counted

    lines = [line for finding in report.findings for line in _lines(report.file, finding, paint)]
    errors, warnings = report.count("error"), report.count("warning")
    if not report.findings:
        lines.append(f"{report.file}: {paint('green', 'nothing to complain of')}")
    else:
        lines.append(f"{counted(errors, 'error')}, {counted(warnings, 'warning')}")
    return "\n".join(lines) + "\n"


def _lines(file: str, finding: Finding, paint: Paint) -> list[str]:
    place = f"{file}:{finding.line}:{finding.column}" if finding.line else file
    level = paint(COLOUR_OF[finding.level], finding.level)
    where = f"{paint('bold', finding.field)}: " if finding.field else ""
    text = printable(finding.text)
    lines = [f"{place}: {level}: {where}{text} {paint('faint', f'[{finding.code}]')}"]
    if finding.value and finding.value.strip('"') not in finding.text:
        lines.append(f"    value: {printable(finding.value)}")
    if finding.allowed and "expected one of" not in text and " one of " not in text:
        shown = ", ".join(finding.allowed[:MOST_WORDS])
        rest = len(finding.allowed) - MOST_WORDS
        lines.append(f"    allowed: {shown}{f' and {rest} more' if rest > 0 else ''}")
    if finding.hint:
        lines.append(f"    {paint('cyan', finding.hint)}")
    return lines
