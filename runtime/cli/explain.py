"""explain: tell what create would do, step by step, and do nothing."""

from __future__ import annotations

from runtime.cli.call import absolute, json_text, write_out
from runtime.cli.create import creation_globals
from runtime.cli.options import FLAG, TEXT, Command, Option
from runtime.errors import ConfigError, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.cli.call import Call, Json
    from runtime.cli.paint import Paint
    from runtime.lifecycle.explain import Explanation
    from runtime.plan.story import Step

DEFAULT_ID = "CONTAINER-ID"
PEERS = ("runc",)
ASKED_FOR = "asked for"  # which the origin says already

COMMAND = Command(
    "explain",
    "[CONTAINER-ID]",
    "tell step by step what create would do",
    least=0,
    most=1,
    options=(
        Option(
            "bundle", TEXT, "the bundle's directory (default: the working directory)",
            aliases=("b",), metavar="DIR",
        ),
        Option(
            "config", TEXT, "take the configuration from FILE (default: config.json in the bundle)",
            aliases=("f",), metavar="FILE",
        ),
        Option("as", TEXT, "tell also what another runtime does otherwise", metavar="RUNTIME",
               choices=PEERS),
        Option("no-pivot", FLAG, "as for create"),
        Option("no-new-keyring", FLAG, "as for create"),
        Option("json", FLAG, "print the steps as JSON"),
    ),
    description="""
Each step is told with the place in config.json that asked for it, the system calls that it will
be, and why it is there. Neither root nor a root filesystem is needed.
""",
    failure_prefix="pyrunc explain failed: ",
)  # fmt: skip


def main(call: Call) -> int:
    """Print the steps; 0."""
    from runtime.cli.paint import Paint
    from runtime.lifecycle.explain import explain
    from runtime.plan.options import CreateOptions

    peer = call.text("as")
    if peer not in ("", *PEERS):
        raise ConfigError(f'"{peer}" is no runtime we know', field="--as", hint="write --as runc")
    options = CreateOptions(call.arguments[0] if call.arguments else DEFAULT_ID)
    options.bundle = call.text("bundle")
    config_file = call.text("config")
    options.config_file = absolute(config_file, "--config") if config_file else ""
    options.no_pivot = call.flag("no-pivot")
    options.no_new_keyring = call.flag("no-new-keyring")
    told = explain(options, creation_globals(call))
    if call.flag("json"):
        write_out(json_text(document(told), "  ") + "\n")
    else:
        write_out(as_text(told, Paint(), peer))
    return 0


def document(told: Explanation) -> dict[str, Json]:
    """The steps for programs."""
    return {
        "bundle": told.bundle,
        "id": told.container_id,
        "notes": [*told.notes],
        "warnings": [*told.warnings],
        "stages": [
            {"title": title, "steps": [_step_document(step) for step in steps]}
            for title, steps in told.stages
        ],
    }


def _step_document(step: Step) -> dict[str, Json]:
    return {
        "side": step.side, "op": step.number if step.number >= 0 else None, "name": step.name,
        "what": step.what, "origin": step.origin, "call": step.call, "why": step.why,
        "runc": step.runc,
    }  # fmt: skip


def as_text(told: Explanation, paint: Paint, peer: str = "") -> str:
    """The stages with a paragraph for each step."""
    lines = [f"create {told.container_id} from {told.bundle}"]
    lines += [f"{paint('yellow', 'warning')}: {line}" for line in told.warnings]
    lines += [f"{paint('cyan', 'note')}: {line}" for line in told.notes]
    for title, steps in told.stages:
        lines += ["", paint("bold", title)]
        said = ""
        for step in steps:
            lines += _lines(step, paint)
            # A dozen mounts in a row have one reason.
            if step.name + step.why != said:
                lines += _reasons(step, paint, peer)
            said = step.name + step.why
    return "\n".join(lines) + "\n"


def _lines(step: Step, paint: Paint) -> list[str]:
    number = f"{step.number:>4}" if step.number >= 0 else "   -"
    return [
        f"{paint('faint', number)}  {printable(step.what)}  {paint('green', step.origin)}",
        f"      {paint('blue', printable(step.call))}",
    ]


def _reasons(step: Step, paint: Paint, peer: str) -> list[str]:
    lines = [f"      {step.why}"] if step.why not in ("", ASKED_FOR) else []
    if peer and step.runc:
        lines.append(f"      {paint('magenta', f'{peer}: {step.runc}')}")
    return lines
