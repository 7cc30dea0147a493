"""Code that would be loaded from the image or from around the caller.

CVE-2019-14271: a helper inside the root filesystem loaded the image's libraries. A late import of
an interpreter does the same. A runtime with the hole runs one of the poisoned files.
"""

from __future__ import annotations

from pathlib import Path

from harness.bundle import Bundle
from harness.runtime import Runtime

MODULES = (
    "json", "re", "os", "warnings", "socket", "select", "encodings", "sitecustomize", "site",
    "usercustomize", "_socket", "resource", "runtime", "posix", "oci_schema", "codecs",
)  # fmt: skip


def poison(folder: Path, marker: Path) -> None:
    """Modules that tell when they are imported."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in MODULES:
        text = f"open({str(marker)!r}, 'a').write({name!r})\n"
        (folder / f"{name}.py").write_text(text)
        package = folder / name
        package.mkdir(exist_ok=True)
        (package / "__init__.py").write_text(text)


def test_poisoned_modules(runtime: Runtime, bundle: Bundle) -> None:
    marker = bundle.path / "imported"
    here = bundle.path / "here"
    for folder in (here, bundle.path, bundle.rootfs, bundle.rootfs / "usr/lib/python3.11"):
        poison(folder, marker)
    bundle.process["env"] += ["PYTHONPATH=/", f"PYTHONHOME={here}", "LD_PRELOAD=/evil.so"]
    bundle.file("evil.so", "not a library")
    bundle.process["consoleSize"] = {"width": 80, "height": 24}
    env = {
        "PATH": "/usr/bin:/bin", "PYTHONPATH": str(here), "PYTHONHOME": str(here),
        "PYTHONSTARTUP": str(here / "os.py"), "PYTHONINSPECT": "1", "PYTHONUSERBASE": str(here),
    }  # fmt: skip
    container = runtime.run_detached(bundle.sleep(), env=env, cwd=here)
    runtime.call("exec", container.id, "true", env=env, cwd=here).check()
    runtime.call("exec", "--preserve-fds", "0", container.id, "true", env=env, cwd=here).check()
    runtime.call("state", container.id, env=env, cwd=here).check()
    runtime.call("list", env=env, cwd=here).check()
    failed = runtime.call("exec", container.id, "/no/such", env=env, cwd=here)
    assert failed.status != 0
    runtime.call("delete", "--force", container.id, env=env, cwd=here).check()
    assert not marker.exists(), marker.read_text()
