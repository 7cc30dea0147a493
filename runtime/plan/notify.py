"""What a service manager's NOTIFY_SOCKET means for the container: a socket of its own."""

from __future__ import annotations

from runtime.errors import ConfigError
from runtime.plan import ops
from runtime.plan.mount_options import NODEV, NOEXEC, NOSUID, RDONLY
from runtime.plan.namespaces import NEWNS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runtime.plan.namespaces import Namespaces
    from runtime.plan.ops import Op

VARIABLE = "NOTIFY_SOCKET"
FOLDER = "/run/notify"  # in the container
SOCKET = "notify.sock"


def plan_notify(folder: str, namespaces: Namespaces) -> Op:
    """Bind `folder` of the host, where start or run will listen, into the container.

    Errors:  ConfigError without a mount namespace.
    """
    if not namespaces.listed & NEWNS:
        raise ConfigError("needs a mount namespace for its socket", field=VARIABLE)
    return ops.bind(
        VARIABLE,
        source=folder,
        target=FOLDER,
        flags=ops.BIND_REPLACE_ATTRS,
        attr_set=RDONLY | NOSUID | NODEV | NOEXEC,
    )


def notify_variable() -> str:
    """For the program's environment."""
    return f"{VARIABLE}={FOLDER}/{SOCKET}"
