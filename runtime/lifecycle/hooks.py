"""Hooks in the runtime's own namespaces: prestart, createRuntime, poststart, poststop."""

from __future__ import annotations

import os

from runtime.errors import HookError, HostError, KernelError, errno_words
from runtime.jsonfile import dump_compact
from runtime.lifecycle.interrupt import expect_children
from runtime.lifecycle.report import hook_name
from runtime.native import calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runtime.log import Log
    from runtime.plan.plan import HookRequest


def run_hooks(hooks: list[HookRequest], state: dict[str, Any]) -> None:
    """Run the hooks in order, the state on their standard input; the first failure ends it.

    Errors:  HookError naming the hook, how it ended and what it printed.
    Source:  runtime-spec config.md, POSIX-platform Hooks.
    """
    for hook in hooks:
        _run(hook, state)


def run_all_hooks(hooks: list[HookRequest], state: dict[str, Any], log: Log) -> None:
    """Run every hook whatever the others do; a failure is a warning: poststop.

    Source:  runtime-spec runtime.md, Lifecycle, step 13.
    """
    for hook in hooks:
        try:
            _run(hook, state)
        except (HookError, HostError, KernelError) as error:
            log.warning(str(error), code="hook-failed")


def _enter_bundle(state: dict[str, Any]) -> None:
    """Where hooks run, as runc has it."""
    try:
        os.chdir(state["bundle"])
    except OSError:
        pass  # an engine may have removed it before poststop; the caller's directory will do


def _run(hook: HookRequest, state: dict[str, Any]) -> None:
    _enter_bundle(state)
    expect_children()
    env = hook.env
    if env is None:
        env = [f"{key}={value}" for key, value in os.environ.items()]
    text = dump_compact(state).encode("utf-8", "surrogateescape")
    try:
        end, value, output = calls.run_hook(hook.path, hook.args, env, text, hook.timeout_s)
    except InterruptedError as error:
        raise HookError(f"hook {hook.path}: interrupted", field=hook.origin) from error
    printed = f", output: {output}" if output else ", it printed nothing"
    if end == calls.HOOK_EXITED and value == 0:
        return
    if end == calls.HOOK_EXITED:
        how = f"exit status {value}{printed}"
    elif end == calls.HOOK_SIGNALED:
        how = f"killed by signal {value}{printed}"
    elif end == calls.HOOK_TIMED_OUT:
        how = f"not done after its timeout of {hook.timeout_s} s, killed{printed}"
    else:
        how = f"cannot be executed: {errno_words(value)}"
    raise HookError(
        f"error running {hook_name(hook.origin)}: {hook.path}: {how}", field=hook.origin
    )
