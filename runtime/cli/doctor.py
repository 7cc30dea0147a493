"""doctor: show what this host can do for containers, and how to get what is missing."""

from __future__ import annotations

from runtime.cli.call import json_text, write_out
from runtime.cli.options import FLAG, Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.call import Call
    from runtime.cli.paint import Paint
    from runtime.host.survey import Answer

COLOURS = {"yes": "green", "partly": "yellow", "no": "red"}
# Without a yes to these no container of root can be made.
ESSENTIAL = ("new enough", "mounted", "all eight kinds")
MEMBERS = ("area", "question", "answer", "detail", "needed_by", "remedy")

COMMAND = Command(
    "doctor",
    "",
    "show what this host can do, and how to get what is missing",
    least=0,
    most=0,
    options=(Option("json", FLAG, "print the answers as JSON"),),
    description="""
Looks at the kernel, cgroups, user namespaces, security modules, this process's own rights and the
programs that are called for help. Nothing is changed.
""",
)


def main(call: Call) -> int:
    """Print the answers; 1 when something is missing that every container needs, else 0."""
    from runtime.cli.paint import Paint
    from runtime.host.survey import survey

    answers = survey()
    if call.flag("json"):
        rows = [{member: getattr(one, member) for member in MEMBERS} for one in answers]
        write_out(json_text([*rows], "  ") + "\n")
    else:
        write_out(as_text(answers, Paint()))
    return 1 if any(one.answer == "no" and one.question in ESSENTIAL for one in answers) else 0


def as_text(answers: list[Answer], paint: Paint) -> str:
    """A table by area; what is missing with who misses it and how to get it."""
    from runtime.cli.paint import table

    lines: list[str] = []
    area = ""
    for one, row in zip(answers, table([(a.question, a.answer) for a in answers]), strict=True):
        if one.area != area:
            area = one.area
            lines += [*([""] * bool(lines)), paint("bold", area)]
        at = row.rindex(one.answer)
        shown = row[:at] + paint(COLOURS[one.answer], one.answer)
        lines.append(f"  {shown}{f'  {one.detail}' if one.detail else ''}")
        if one.answer != "yes":
            lines.append(f"      for {one.needed_by}: {paint('cyan', one.remedy)}")
    return "\n".join(lines) + "\n"
