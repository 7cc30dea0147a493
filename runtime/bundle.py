"""A bundle on disk: config.json, read and checked by the schema, and its root filesystem."""

from __future__ import annotations

import errno
import posix as os
from _stat import S_ISDIR, S_ISREG

from oci_schema.check import is_valid
from runtime.errors import ConfigError
from runtime.jsonfile import MAX_BYTES, parse
from runtime.paths import inside, resolved
from runtime.version import SPEC_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from oci_schema.types import Config

CONFIG_NAME = "config.json"
DIGITS = "0123456789"
WORD = DIGITS + "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-"
SMALLEST_READ = 4096


class Bundle:
    """A bundle that a container can be made of.

    path         absolute directory, symbolic links resolved
    config       the configuration: valid by the schema, with a process and a root
    config_text  config.json as it was read; it says what `config` is, if `is_as_written`
    status       what stat(2) said of config.json before; None for another file
    rootfs       absolute path, symbolic links resolved; `check_rootfs` says if there is one
    """

    __slots__ = ("config", "config_text", "is_as_written", "path", "rootfs", "status")

    def __init__(self, path: str, config: Config, config_text: str) -> None:
        self.path = path
        self.config = config
        self.config_text = config_text
        self.is_as_written = True
        self.status: os.stat_result | None = None
        # Resolved here and once: no later step meets a link that could have changed.
        self.rootfs = resolved(inside(path, config["root"]["path"]))

    def check_rootfs(self) -> None:
        """See that the root filesystem is a directory.

        Errors:  ConfigError if it is not.
        """
        try:
            is_directory = S_ISDIR(os.stat(self.rootfs).st_mode)
        except OSError as error:
            raise ConfigError(
                f"invalid rootfs: stat {self.rootfs}",
                code="no-rootfs",
                field="root.path",
                errno=error.errno or 0,
                hint="unpack the image there or correct root.path",
            ) from error
        if not is_directory:
            raise ConfigError(
                f"invalid rootfs: {self.rootfs}",
                field="root.path",
                errno=errno.ENOTDIR,
                code="no-rootfs",
            )


def load(directory: str, config_file: str = "") -> Bundle:
    """The bundle in `directory`; if that is empty, in the working directory.

    With `config_file` its configuration is in that file instead.

    Errors:  ConfigError for a directory that is none, for a config.json that is missing, not
             JSON, not valid by the schema, of another major version or without what a
             container needs; all that is wrong with the content in one error.
    Source:  runtime-spec bundle.md; config.md.
    """
    path = resolve(directory)
    status = _status(path) if not config_file else None
    if config_file and (fault := _no_directory(path, directory)):
        raise fault
    data = read_config(path, directory, config_file)
    config: Any = parse(data, config_file or CONFIG_NAME)
    text = data.decode()
    is_good = is_valid(config) and not unmet_needs(config)
    if not is_good:
        from runtime.refusal import tolerate

        config = tolerate(config, text)
    bundle = Bundle(path, config, text)
    bundle.is_as_written = is_good
    bundle.status = status
    return bundle


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(f"{path}/{CONFIG_NAME}")
    except OSError:
        return None  # read_config() says why


def resolve(directory: str) -> str:
    """The absolute path, symbolic links resolved, as getcwd(2) has it after a chdir(2)."""
    if directory:
        return resolved(directory)
    try:
        return os.getcwd()
    except OSError as error:
        raise ConfigError(
            "the working directory", errno=error.errno or 0, hint="name the bundle with --bundle"
        ) from error


def read_config(path: str, directory: str, config_file: str = "") -> bytes:
    """The bytes of config.json in the bundle `path`, or of `config_file`; messages speak of
    `directory`.

    One byte more than is allowed at most, so that the parser can refuse.
    """
    file = config_file or f"{path}/{CONFIG_NAME}"
    try:
        # Without O_NONBLOCK a FIFO of that name would hold us until somebody writes.
        fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise _not_opened(error, path, directory, config_file) from error
    try:
        status = os.fstat(fd)
        if not S_ISREG(status.st_mode):
            raise ConfigError(f"{file} is not a regular file")
        size = max(min(status.st_size, MAX_BYTES) + 1, SMALLEST_READ)
        data = b""
        while len(data) <= MAX_BYTES and (chunk := os.read(fd, size)):
            data += chunk
        return data
    except OSError as error:
        raise ConfigError(f"read {file}", errno=error.errno or 0) from error
    finally:
        os.close(fd)


def _not_opened(error: OSError, path: str, directory: str, config_file: str) -> ConfigError:
    """Which of the two is missing, the bundle or its config.json."""
    if config_file:
        return ConfigError(f"open {config_file}", field="--config", errno=error.errno or 0)
    if error.errno not in (errno.ENOENT, errno.ENOTDIR):
        return ConfigError(f"open {path}/{CONFIG_NAME}", errno=error.errno or 0)
    return _no_directory(path, directory) or ConfigError(
        f"JSON specification file {CONFIG_NAME} not found",
        hint=f"there is none in {path}",
        code="no-config",
    )


def _no_directory(path: str, directory: str) -> ConfigError | None:
    """What is wrong with the bundle's directory."""
    try:
        is_directory = S_ISDIR(os.stat(path).st_mode)
    except OSError as missing:
        return ConfigError(f"chdir {directory or path}", errno=missing.errno or 0, code="no-bundle")
    if not is_directory:
        return ConfigError(f"chdir {directory or path}", errno=errno.ENOTDIR, code="no-bundle")
    return None


def unmet_needs(config: Any) -> list[tuple[tuple[str, ...], str]]:
    """What a container cannot be made without and is not there: for each its place, and words.

    The words are runc's where it has some. A wrong type is no fault here: the schema's
    business, and its alone.
    """
    faults: list[tuple[tuple[str, ...], str]] = []
    if type(config) is not dict:
        return faults
    version = config.get("ociVersion")
    if type(version) is str and (fault := _version_fault(version)):
        faults.append((("ociVersion",), fault))
    process = config.get("process")
    if process is None:
        faults.append((("process",), "process property must not be empty"))
    elif type(process) is dict:
        cwd, args = process.get("cwd"), process.get("args")
        if cwd is None or cwd == "":
            faults.append((("process", "cwd"), "Cwd property must not be empty"))
        elif type(cwd) is str and cwd[0] != "/":
            faults.append((("process", "cwd"), f'Cwd must be an absolute path, "{cwd}" is not'))
        if args is None or args == []:
            faults.append((("process", "args"), "args must not be empty"))
    if config.get("root") is None:
        faults.append((("root",), "root must be specified"))
    return faults


def _version_fault(version: str) -> str:
    """Why a version of the spec is not accepted; "" if it is: compatible within the major."""
    if not _is_semver(version):
        return f'"{version}" is not a version such as {SPEC_VERSION} (SemVer 2.0.0)'
    if not version.startswith("1."):
        return f'version "{version}" is not supported, 1.0.0 to {SPEC_VERSION} are'
    return ""


def _is_semver(version: str) -> bool:
    """By hand: the regular expressions of re cost 6 ms to import.

    Source:  SemVer 2.0.0, 2, 9 and 10.
    """
    version, plus, build = version.partition("+")
    core, minus, pre_release = version.partition("-")
    numbers = core.split(".")
    return (
        len(numbers) == 3
        and all(not n.strip(DIGITS) and _is_identifier(n) for n in numbers)
        and (not minus or all(_is_identifier(word) for word in pre_release.split(".")))
        and (not plus or all(word and not word.strip(WORD) for word in build.split(".")))
    )


def _is_identifier(word: str) -> bool:
    """A pre-release identifier: a number has no leading zero."""
    if not word or word.strip(WORD):
        return False
    return len(word) == 1 or word[0] != "0" or bool(word.strip(DIGITS))
