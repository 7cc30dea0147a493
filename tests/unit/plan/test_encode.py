"""Plans on the wire: read back by a decoder of this test, and by the executor's own."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.plan import ops
from runtime.plan.encode import DUMPABLE_FOR_MAPS, MAGIC, VERSION, encode
from runtime.plan.ops import CODES, Op

CSRC = Path(__file__).resolve().parents[3] / "csrc"
HEADER = ("magic", "version", "size", "op_count", "blobs", "slot_count", "flags", "trace")
WORD = struct.Struct("=I")

# Prints what the executor's decoder makes of a plan: code, flags, numbers, strings in hex.
PRINTER = r"""
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "plan.h"

int main(int argc, char **argv)
{
	static _Alignas(8) char bytes[1 << 20];
	FILE *file = fopen(argv[argc - 1], "rb");
	const size_t size = file ? fread(bytes, 1, sizeof(bytes), file) : 0;
	const char *why;
	struct plan plan;

	if (plan_decode(&plan, bytes, size, &why) < 0) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	printf("%" PRIu32 " %" PRIu32 "\n", plan.header->slot_count, plan.header->flags);
	for (uint32_t i = 0; i < plan.count; i++) {
		const struct plan_op *op = &plan.ops[i];

		printf("%" PRIu32 " %" PRIu32, op->code, op->flags);
		for (int n = 0; n < 5; n++)
			printf(" %" PRIu64, op->number[n]);
		for (int slot = 0; slot < 4; slot++) {
			const char *text = plan_string(&plan, op, slot);

			fputs(text ? " =" : " -", stdout);
			for (uint32_t at = 0; at < plan_length(&plan, op, slot); at++)
				printf("%02x", (unsigned char)text[at]);
		}
		putchar('\n');
	}
	return 0;
}
"""


def decode(data: bytes) -> tuple[dict[str, int], list[tuple[Any, ...]]]:
    """Header and records, written from the comment in csrc/plan.h alone."""
    header = dict(zip(HEADER, struct.unpack_from("=8I", data), strict=True))
    records = []
    for index in range(header["op_count"]):
        fields = struct.unpack_from("=2I4I5Q", data, 32 + 64 * index)
        strings = [blob(data, at) if at else None for at in fields[2:6]]
        records.append((fields[0], fields[1], fields[6:], strings))
    return header, records


def blob(data: bytes, at: int) -> bytes:
    """The bytes of a blob; it is aligned and ends in a NUL."""
    assert at % 4 == 0
    (length,) = WORD.unpack_from(data, at)
    assert data[at + 4 + length] == 0
    return data[at + 4 : at + 4 + length]


def expected(op: Op) -> tuple[Any, ...]:
    """What an operation should look like after decode()."""
    strings: list[bytes | None] = []
    for value in op.strings:
        if isinstance(value, list):
            strings.append(
                b"".join(item.encode(errors="surrogateescape") + b"\0" for item in value)
            )
        else:
            text = isinstance(value, str)
            strings.append(value.encode(errors="surrogateescape") if text else value)  # type: ignore[union-attr, arg-type]
    strings += [None] * (4 - len(strings))
    numbers = tuple(op.numbers) + (0,) * (5 - len(op.numbers))
    return op.code, op.flags, numbers, strings


SAMPLE = [
    ops.setsid(),
    ops.sync(ops.BARRIER_HOOKS),
    ops.mount(
        "mounts[0]", fstype="tmpfs", source="tmpfs", target="/dev", flags=ops.MOUNT_TMPCOPYUP,
        options=["mode=755", "size=64k"], attr_set=2, attr_clr=1, rec_set=8, rec_clr=4,
        propagation=0x83,
    ),
    ops.bind("mounts[1]", source=None, target="/a", flags=ops.BIND_SOURCE_IS_SLOT, slot=5),
    ops.seccomp(b"\0\1\2\3\0\0\0\0", 1),
    ops.user("process.user", 1, 2, [3, 4], setgroups=True),
    ops.hostname("\udcff\udcfe"),
    ops.executable("true", None),
    ops.execute(["true", "", "ä"], [], 2, 0, default_home=False),
]  # fmt: skip


def test_the_header() -> None:
    data = encode(SAMPLE, 6, DUMPABLE_FOR_MAPS)
    header, _ = decode(data)
    assert header == {
        "magic": MAGIC, "version": VERSION, "size": len(data), "op_count": len(SAMPLE),
        "blobs": 32 + 64 * len(SAMPLE), "slot_count": 6, "flags": DUMPABLE_FOR_MAPS, "trace": 0,
    }  # fmt: skip


def test_constants_are_those_of_the_executor() -> None:
    text = (CSRC / "plan.h").read_text()
    assert f"#define PLAN_MAGIC {MAGIC:#x}u" in text
    assert f"#define PLAN_VERSION {VERSION}u" in text
    assert f"#define PLAN_DUMPABLE_FOR_MAPS {DUMPABLE_FOR_MAPS}u" in text


def test_every_operation_comes_back() -> None:
    _, records = decode(encode(SAMPLE, 2))
    assert records == [expected(op) for op in SAMPLE]


def test_an_empty_plan_is_a_header() -> None:
    data = encode([], 2)
    assert len(data) == 32
    assert decode(data)[1] == []


def test_a_path_of_any_bytes_survives() -> None:
    _, records = decode(encode([ops.hostname(b"\xff\xc3".decode(errors="surrogateescape"))], 2))
    assert records[0][3][0] == b"\xff\xc3"


def test_an_empty_string_is_not_an_absent_one() -> None:
    _, records = decode(encode([ops.executable("x", ""), ops.executable("x", None)], 2))
    assert [record[3][1] for record in records] == [b"", None]


def test_negative_numbers_are_two_s_complement() -> None:
    _, records = decode(encode([Op("umask", "o", "w", 0, (-1,))], 2))
    assert records[0][2][0] == (1 << 64) - 1


def test_equal_strings_are_written_once() -> None:
    one = len(encode([ops.hostname("a" * 100)], 2))
    two = len(encode([ops.hostname("a" * 100), ops.domainname("a" * 100)], 2))
    assert two - one == 64


@pytest.mark.parametrize("length", range(9))
def test_strings_of_every_length_are_aligned(length: int) -> None:
    data = encode([ops.hostname("x" * length), ops.domainname("next")], 2)
    assert len(data) % 4 == 0
    assert [record[3][0] for record in decode(data)[1]] == [b"x" * length, b"next"]


texts = st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"]), max_size=12)
numbers = st.integers(0, (1 << 64) - 1)
operations = st.one_of(
    st.builds(
        lambda source, target, fstype, options, number, flags: ops.mount(
            "mounts[0]", fstype=fstype, source=source, target=target, options=options,
            flags=flags, attr_set=number,
        ),
        texts, texts, texts, st.lists(texts, max_size=4), numbers, st.integers(0, (1 << 32) - 1),
    ),
    st.builds(ops.seccomp, st.binary(max_size=40), numbers),
    st.builds(ops.executable, texts, st.none() | texts),
    st.just(ops.pivot()),
)  # fmt: skip


@given(st.lists(operations, max_size=8))
def test_any_plan_comes_back(plan: list[Op]) -> None:
    header, records = decode(encode(plan, 2))
    assert records == [expected(op) for op in plan]
    assert header["op_count"] == len(plan)


@pytest.fixture(scope="module")
def printer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The executor's decoder as a program that prints what it understood."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("printer")
    (folder / "printer.c").write_text(PRINTER)
    subprocess.run(
        [compiler, "-std=gnu17", "-Wall", "-Wextra", "-Werror", f"-I{CSRC}",
         "-o", folder / "printer", folder / "printer.c", CSRC / "plan.c"],
        check=True,
    )  # fmt: skip
    return folder / "printer"


def understood(printer: Path, folder: Path, data: bytes) -> subprocess.CompletedProcess[str]:
    (folder / "plan").write_bytes(data)
    return subprocess.run([printer, folder / "plan"], capture_output=True, text=True)


def line_of(op: Op) -> str:
    code, flags, numbers_of_op, strings = expected(op)
    words = [str(code), str(flags), *map(str, numbers_of_op)]
    return " ".join(words + ["-" if value is None else f"={value.hex()}" for value in strings])


def test_the_executor_understands_the_same(printer: Path, tmp_path: Path) -> None:
    result = understood(printer, tmp_path, encode(SAMPLE, 6, DUMPABLE_FOR_MAPS))
    assert result.stderr == ""
    assert result.stdout.splitlines() == ["6 1", *map(line_of, SAMPLE)]


@pytest.mark.parametrize("name", sorted(CODES))
def test_the_executor_wants_the_strings_of_each_operation(
    name: str, printer: Path, tmp_path: Path
) -> None:
    bare = understood(printer, tmp_path, encode([Op(name, "o", "w")], 2))
    needs = name in {op.name for op in REQUIRES_STRINGS}
    assert bare.stderr == ("an operation lacks a string\n" if needs else "")


REQUIRES_STRINGS = [
    op
    for op in (
        ops.keyring("k", in_user_namespace=False), ops.every_cpu(), ops.apparmor("p"),
        ops.memory_policy("m", "", 0, b""), ops.file_label("o", "/", "l"),
        ops.process_label("l"), ops.link_up("l"), ops.hostname("h"),
        ops.domainname("d"),
        ops.sysctl("o", "p", "v"), ops.root("/"), ops.mkdir("o", "/"),
        ops.mount("o", fstype="f", source="s", target="t", options=[]),
        ops.bind("o", source="s", target="t"), ops.symlink("o", "a", "b"),
        ops.mknod("o", "/x", 0, 0, 0, 0, 0), ops.hook("o", "/h", [], [], 0, "", ""),
        ops.remount_ro("o", "/"), ops.readonly_path("o", "/"), ops.mask_path("o", "/"),
        ops.seccomp(b"", 0), ops.user("o", 0, 0, [], setgroups=True), ops.chdir("/"),
        ops.executable("x", None),
    )
]  # fmt: skip
