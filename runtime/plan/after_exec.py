"""Which capabilities a program has once it has been executed: execve(2) counts anew."""

from __future__ import annotations

from runtime.plan.capabilities import CapabilitySets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_schema.types import Process


def capabilities_after_exec(process: Process, last_cap: int) -> dict[str, int]:
    """The five sets by name, for a program without capabilities of its own in its file.

    Root gets what is in the bounding set, but with no_new_privs nothing that it had not
    before; anybody else keeps what is ambient.
    Source:  capabilities(7), Transformation of capabilities during execve() and Capabilities
             and execution of programs by root.
    """
    sets = CapabilitySets(process.get("capabilities", {}), last_cap)
    permitted = sets.ambient
    if process.get("user", {}).get("uid", 0) == 0:
        permitted = sets.inheritable | sets.bounding
        if process.get("noNewPrivileges", False):
            permitted &= sets.permitted
    return {
        "effective": permitted,
        "permitted": permitted,
        "inheritable": sets.inheritable,
        "bounding": sets.bounding,
        "ambient": sets.ambient,
    }
