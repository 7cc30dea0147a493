"""--config: the configuration of a bundle in another file, as crun takes it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from harness.bundle import Bundle
from harness.runtime import PATIENCE_S, Runtime


@pytest.fixture
def config_file(runtime: Runtime, bundle: Bundle, tmp_path: Path) -> Path:
    """Beside the bundle, whose own config.json would not do."""
    if runtime.kind == "runc":
        pytest.skip("crun's option, which runc has not")
    bundle.process["env"].append("FROM=here")
    path = tmp_path / "here.json"
    path.write_text(json.dumps(bundle.sh("echo $FROM; [ -z $STAY ] || sleep 60").config))
    (bundle.path / "config.json").write_text("this one is not read")
    return path


@pytest.mark.parametrize("option", ["--config", "-f"])
def test_relative_to_the_caller(
    option: str, runtime: Runtime, bundle: Bundle, config_file: Path
) -> None:
    result = runtime.call(
        "run", option, config_file.name, "--bundle", str(bundle.path), runtime.new_id(),
        cwd=config_file.parent,
    )  # fmt: skip
    assert result.check().words == ["here"]


def test_exec_takes_its_defaults_from_it(
    runtime: Runtime, bundle: Bundle, config_file: Path
) -> None:
    config = json.loads(config_file.read_text())
    config["process"]["env"].append("STAY=1")
    config_file.write_text(json.dumps(config))
    name = runtime.new_id()
    command = runtime.command(
        "run", "--detach", "--config", str(config_file), "--bundle", str(bundle.path), name
    )
    # Not to pipes: the container would keep them open.
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(command, stdin=subprocess.DEVNULL, check=True, timeout=PATIENCE_S, **quiet)
    show = ("exec", name, "sh", "-c", "echo $FROM")
    assert runtime.call(*show).check().words == ["here"]
    config["process"]["env"].append("FROM=later")
    config_file.write_text(json.dumps(config))
    assert runtime.call(*show).check().words == ["later"]


def test_one_that_is_missing(runtime: Runtime, bundle: Bundle, config_file: Path) -> None:
    result = runtime.call(
        "create", "--config", "/nowhere/c.json", "--bundle", str(bundle.path), runtime.new_id()
    )
    assert result.status == 1
    assert "open /nowhere/c.json: no such file or directory" in result.err.lower()
    assert runtime.ids() == []
