"""A person at a shell who presses TAB: what bash, zsh and fish offer for a command line."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

# Called as readline would call it, which has parted the line at blanks and at `=`.
BASH = r"""
source "$1"
shift
for line; do
    read -ra COMP_WORDS <<<"${line//=/ = }"
    if [[ $line == *' ' || $line == *= ]]; then COMP_WORDS+=(''); fi
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _pyrunc
    printf '%s\n' "${COMPREPLY[@]}" END
done
"""
# compadd is what every way of completing in zsh ends in. Ours keeps what would be shown.
ZSH = r"""
PROMPT=
autoload -Uz compinit && compinit -u -D
bindkey '^I' complete-word
zstyle ':completion:*' insert-tab false
LISTMAX=10000
compadd() {
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
    builtin compadd "$@"
    return
  fi
  local -a hits
  builtin compadd -A hits "$@"
  (( $#hits )) && print -lr -- $hits >>$HITS
  builtin compadd "$@"
}
leave() { exec true }
comppostfuncs=(leave)
print READY
"""
FISH = r"""
source $argv[1]
for line in $argv[2..-1]
    complete --do-complete $line
    echo END
end
"""


def bash_offers(script: Path, lines: Sequence[str], env: Mapping[str, str]) -> list[list[str]]:
    """What bash offers for each line."""
    output = _run(["bash", "--norc", "-c", BASH, "bash", str(script), *lines], env)
    return [part.split("\n") if part else [] for part in _parts(output)]


def fish_offers(script: Path, lines: Sequence[str], env: Mapping[str, str]) -> list[list[str]]:
    """What fish offers for each line, with a tab and the explanation.

    In fish 4 a question mark is no pattern; in fish 3 only if it is told so.
    """
    output = _run(
        ["fish", "--no-config", "--features=qmark-noglob", "-c", FISH, str(script), *lines], env
    )
    return [part.split("\n") if part else [] for part in _parts(output)]


def zsh_offers(script: Path, lines: Sequence[str], env: Mapping[str, str]) -> list[list[str]]:
    """What zsh offers for each line; `script` is a file _pyrunc."""
    return [_zsh_offers(script, line, env) for line in lines]


def _zsh_offers(script: Path, line: str, env: Mapping[str, str]) -> list[str]:
    """Only an interactive zsh completes: on a terminal, where it ends itself after the TAB."""
    hits = script.with_name("hits")
    hits.write_text("")
    setup = script.with_name("setup.zsh")
    setup.write_text(f"fpath=({script.parent} $fpath)\n{ZSH}")
    pid, fd = pty.fork()
    if pid == 0:
        os.execvpe("zsh", ["zsh", "-f", "-i"], {**env, "HITS": str(hits), "TERM": "dumb"})
    os.write(fd, f"source {setup}\n".encode())
    seen = b""
    while b"READY\r\n" not in seen:
        seen += os.read(fd, 4096)
    os.write(fd, line.encode() + b"\t")
    try:
        while os.read(fd, 4096):
            pass
    except OSError:  # EIO: the other side is closed
        pass
    finally:
        os.close(fd)
        os.waitpid(pid, 0)
    return hits.read_text().split("\n")[:-1]


def _run(command: list[str], env: Mapping[str, str]) -> str:
    result = subprocess.run(command, env=env, text=True, capture_output=True, timeout=30)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def _parts(output: str) -> list[str]:
    return [part.strip("\n") for part in output.split("END\n")[:-1]]
