"""An ordinary user with a systemd of his own, who calls the runtime."""

from __future__ import annotations

import pwd
from pathlib import Path
from typing import Any

from harness.runtime import Result, run

NAME = "tester"  # tests/guest/image.py makes him


class User:
    """Runs commands as the user; his systemd is started if it is not there."""

    def __init__(self) -> None:
        entry = pwd.getpwnam(NAME)
        self.uid, self.gid = entry.pw_uid, entry.pw_gid
        self.env = {
            "PATH": "/usr/bin:/usr/sbin:/bin:/sbin",
            "HOME": entry.pw_dir,
            "XDG_RUNTIME_DIR": f"/run/user/{self.uid}",
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path=/run/user/{self.uid}/bus",
        }
        run(["systemctl", "start", f"user@{self.uid}.service"], timeout_s=200).check()

    @property
    def prefix(self) -> list[str]:
        """What stands before his commands."""
        return [
            "setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--init-groups",
            "env", "-i", *(f"{key}={value}" for key, value in self.env.items()),
        ]  # fmt: skip

    def call(self, *args: str, **rest: Any) -> Result:
        """A command of his, in the cgroup that we are in."""
        return run([*self.prefix, *args], **rest)

    def call_in_service(self, *args: str, **rest: Any) -> Result:
        """A command of his, in a service of his systemd."""
        service = ["systemd-run", "--user", "--pipe", "--wait", "--quiet", "--collect"]
        return run([*self.prefix, *service, *args], **rest)

    def show(self, unit: str, *names: str) -> list[str]:
        """Properties of a unit of his."""
        wanted = [f"--property={name}" for name in names]
        lines = self.call("systemctl", "--user", "show", unit, *wanted).check().out.splitlines()
        values = dict(line.split("=", 1) for line in lines)
        return [values[name] for name in names]

    def make_folder(self, path: Path) -> Path:
        """A folder of his."""
        path.mkdir(mode=0o700)
        path.chmod(0o711)
        run(["chown", f"{self.uid}:{self.gid}", str(path)]).check()
        return path


def exists() -> bool:
    """Whether there is such a user."""
    try:
        pwd.getpwnam(NAME)
    except KeyError:
        return False
    return True
