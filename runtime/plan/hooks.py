"""Hooks: those that the runtime runs, those that run inside, and the state that all read."""

from __future__ import annotations

from _json import encode_basestring_ascii as quote

from runtime.plan import ops
from runtime.plan.plan import HookRequest
from runtime.version import SPEC_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from oci_schema.types import Config, Hook
    from runtime.plan.ops import Op

# Name -> does it run inside, in the container's namespaces.
HOOKS = {
    "prestart": False,
    "createRuntime": False,
    "createContainer": True,
    "startContainer": True,
    "poststart": False,
    "poststop": False,
}


def hook_list(config: Config, name: str) -> list[Hook]:
    """The hooks of one name, in order; none where the section is absent."""
    hooks = config.get("hooks", {})
    return hooks.get(name) or []  # type: ignore[return-value]  # every property is a list


def runtime_hooks(config: Config, name: str) -> list[HookRequest]:
    """The hooks `name` (prestart, createRuntime, poststart, poststop) for the runtime to run."""
    return [
        HookRequest(
            hook["path"],
            hook.get("args") or [hook["path"]],
            hook.get("env"),
            hook.get("timeout", 0),
            f"hooks.{name}[{index}]",
        )
        for index, hook in enumerate(hook_list(config, name))
    ]


def container_hooks(
    config: Config, name: str, state: tuple[str, str], default_env: list[str]
) -> list[Op]:
    """The hooks `name` (createContainer, startContainer) as operations of the executor.

    `default_env` is for hooks that say nothing about their environment.
    """
    return [
        ops.hook(
            f"hooks.{name}[{index}]",
            hook["path"],
            hook.get("args") or [hook["path"]],
            hook.get("env", default_env),
            hook.get("timeout", 0),
            *state,
        )
        for index, hook in enumerate(hook_list(config, name))
    ]


def state_halves(
    container_id: str, status: str, bundle: str, annotations: Mapping[str, str]
) -> tuple[str, str]:
    """The state as hooks read it, before and after the number that "pid" has.

    Source:  runtime-spec runtime.md, State.
    """
    before = (
        f'{{"ociVersion":{quote(SPEC_VERSION)},"id":{quote(container_id)},'
        f'"status":{quote(status)},"pid":'
    )
    after = f',"bundle":{quote(bundle)}'
    if annotations:
        pairs = ",".join(f"{quote(key)}:{quote(text)}" for key, text in annotations.items())
        after += f',"annotations":{{{pairs}}}'
    return before, after + "}"
