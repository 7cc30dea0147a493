"""What is read: from the image, from configurations, into logs.

CVE-2021-43784, CVE-2022-0811 and reads without an end: sizes that wrap, values that smuggle a
second one, files that stall. A runtime with the hole hangs, dies of a signal, prints a traceback,
or writes a log line that it never meant.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.runtime import SLOWNESS, Runtime


def passwd(path: Path, kind: str) -> None:
    path.unlink()
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "terminal":
        os.mknod(path, 0o020666, os.makedev(5, 0))
    elif kind == "one line":
        path.write_bytes(b"x" * (64 << 20))
    elif kind == "zeros":
        with path.open("wb") as file:
            file.truncate(1 << 40)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/proc/self/mem")


@pytest.mark.parametrize("kind", ["fifo", "terminal", "one line", "zeros", "folder", "memory"])
def test_passwd_of_the_image(runtime: Runtime, bundle: Bundle, kind: str) -> None:
    """Read for HOME, up to a limit, if it is a file: neither stalls nor fails."""
    passwd(bundle.rootfs / "etc/passwd", kind)
    begun = time.monotonic()
    assert runtime.run(bundle.sh("echo $HOME")).out == "/\n"
    assert time.monotonic() < begun + 4 * SLOWNESS
    if kind == "one line":
        (bundle.rootfs / "etc/passwd").unlink()


ABSURD = {
    "deep lists": '{"ociVersion": "1.0.0", "x": ' + "[" * 200000 + "]" * 200000 + "}",
    "deep objects": '{"a":' * 100000 + "1" + "}" * 100000,
    "unclosed": "[" * 1000000,
    "a huge number": '{"ociVersion": "1.0.0", "process": {"user": {"uid": ' + "9" * 100000 + "}}}",
    "a huge file": '{"ociVersion": "1.0.0", "x": "' + "y" * (40 << 20) + '"}',
    "not a number": '{"ociVersion": "1.0.0", "process": {"user": {"uid": NaN}}}',
    "infinity": '{"ociVersion": "1.0.0", "process": {"user": {"uid": 1e999}}}',
    "a lone surrogate": '{"ociVersion": "1.0.0", "hostname": "\\ud800"}',
    "a zero byte": '{"ociVersion": "1.0.0", "hostname": "a\\u0000b", "root": {"path": "rootfs"}}',
}


@pytest.mark.parametrize("kind", ABSURD)
def test_absurd_configurations(runtime: Runtime, bundle: Bundle, kind: str) -> None:
    (bundle.path / "config.json").write_text(ABSURD[kind])
    begun = time.monotonic()
    result = runtime.attempt("create", bundle, save=False)
    assert 0 < result.status < 126, result.text[:500]
    assert "Traceback" not in result.text
    assert len(result.text) < 4096
    assert time.monotonic() < begun + 10 * SLOWNESS
    assert runtime.ids() == []


@pytest.mark.parametrize("kind", ["deep lists", "deep objects", "unclosed", "a huge number"])
def test_absurd_processes(runtime: Runtime, bundle: Bundle, kind: str) -> None:
    """The executable alone reads such files as well."""
    container = runtime.run_detached(bundle.sleep())
    file = bundle.path / "process.json"
    file.write_text(ABSURD[kind])
    result = runtime.call("exec", "--process", str(file), container.id)
    assert 0 < result.status < 256
    assert "Traceback" not in result.text
    assert len(result.text) < 4096
    assert container.status == "running"


FORGED = 'x\n{"level":"error","msg":"forged"}\ntime="now" level=error msg=forged\r\x1b[2J'


def lines_of(runtime: Runtime, bundle: Bundle, form: str) -> list[str]:
    log = bundle.path / "log"
    bundle.args(FORGED)
    bundle.config["hostname"] = "h" * 65 + FORGED
    bundle.save()
    runtime.global_options = ["--log", str(log), "--log-format", form]
    runtime.attempt("create", bundle, container_id=FORGED)
    runtime.attempt("create", bundle)
    bundle.config["hostname"] = "h"
    result = runtime.attempt("create", bundle)
    assert "\x1b" not in result.text
    assert not [line for line in result.text.splitlines() if line.startswith(('{"l', 'time="now'))]
    return log.read_text().splitlines()


def test_forged_lines_in_json(runtime: Runtime, bundle: Bundle) -> None:
    lines = [json.loads(line) for line in lines_of(runtime, bundle, "json")]
    assert len(lines) >= 3
    assert "forged" not in [line["msg"] for line in lines]


def test_forged_lines_in_text(runtime: Runtime, bundle: Bundle) -> None:
    lines = lines_of(runtime, bundle, "text")
    assert len(lines) >= 3
    assert all(line.startswith("time=") for line in lines)
    assert not [line for line in lines if line.startswith('time="now')]
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize(
    "sysctl",
    [
        {"kernel.shm_rmid_forced": "1\nkernel.core_pattern=|/evil"},
        {"net.ipv4.ip_forward\nkernel.core_pattern": "1"},
        {"net.ipv4.../../kernel/core_pattern": "|/evil"},
        {"net/../kernel/core_pattern": "|/evil"},
        {"kernel.core_pattern": "|/evil"},
    ],
    ids=repr,
)
def test_smuggled_sysctls(runtime: Runtime, bundle: Bundle, sysctl: dict[str, str]) -> None:
    """CVE-2022-0811: one value that is two."""
    before = Path("/proc/sys/kernel/core_pattern").read_text()
    bundle.linux["sysctl"] = sysctl
    result = runtime.run(bundle)
    assert Path("/proc/sys/kernel/core_pattern").read_text() == before
    assert result.status != 0
