"""Uploads as streams: every element found, every size bounded, nothing unpacked that should not be."""

import gzip
import io
import json
import stat
import struct
import subprocess
import sys
import textwrap
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.importers import documents as module
from corpus.importers.archives import Unreadable
from corpus.importers.documents import Document, Limits, Record, documents
from corpus.importers.json_array import elements
from corpus.importers.rows import Fault
from tests.corpus.conftest import zipped

LIMITS = Limits(total=1_000_000_000, record=10_000)

trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


class Trickle(io.RawIOBase):
    """Gives `size` bytes at a time, so that chunks end everywhere: in a string, after a backslash, in a character."""

    def __init__(self, data: bytes, size: int) -> None:
        self.data, self.size = io.BytesIO(data), size

    def read(self, _: int = -1) -> bytes:
        return self.data.read(self.size)


@given(values=st.lists(trees), indent=st.sampled_from([None, 0, 3]), ascii=st.booleans(), size=st.integers(1, 70))
def test_every_element_of_a_list_is_found_whatever_the_chunks(
    values: list[Any], indent: int | None, ascii: bool, size: int
) -> None:
    data = json.dumps(values, indent=indent, ensure_ascii=ascii).encode("utf-8", "surrogatepass")
    found = list(elements(Trickle(b" \n" + data + b"\n", size), 10_000_000))
    assert [json.loads(element) for _, element, _ in found] == values
    for line, element, whole in found:
        assert whole
        # It begins on the line it is said to.
        assert element.split(b"\n")[0] in (b"\n" + data).split(b"\n")[line - 1]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'[{"a": 1}', "ends in the middle"),
        (b'[{"a": "]}', "ends in the middle"),
        (b"[1, 2] [3]", "more text"),
        (b"[1, 2] x", "more text"),
        (b"[1, 2}", "closed by a brace"),
    ],
)
def test_a_list_that_is_not_one_whole_list_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        list(elements(Trickle(data, 4), 1000))


def records(tmp_path: Path, data: bytes, limits: Limits = LIMITS) -> list[Record | Fault]:
    path = tmp_path / "upload"
    path.write_bytes(data)
    try:
        return [record for document in documents(path, "file", limits) for record in document.records()]
    except Unreadable as fault:
        return [Fault("file", 0, str(fault), fatal=True)]


def test_lines_keep_their_numbers(tmp_path: Path) -> None:
    found = records(tmp_path, b'\xef\xbb\xbf{"a":1}\r\n\r\n  \n{"a":2}\n{"a":3}')
    assert [(record.line, record.data) for record in found] == [
        (1, b'\xef\xbb\xbf{"a":1}'),
        (4, b'{"a":2}'),
        (5, b'{"a":3}'),
    ]


@pytest.mark.parametrize("opening", [b"", b"[\n"])
def test_a_record_too_long_is_reported_and_the_next_is_read(tmp_path: Path, opening: bytes) -> None:
    long = b'{"a": "' + b"x" * 20_000 + b'"}'
    separator = b",\n" if opening else b"\n"
    found = records(tmp_path, opening + long + separator + b'{"b": 1}' + (b"]" if opening else b""))
    assert isinstance(found[0], Fault)
    assert found[0].reason == "longer than 10,000 bytes"
    assert (found[0].line, len(found[0].excerpt)) == (2 if opening else 1, 161)
    assert found[1] == Record(3 if opening else 2, b'{"b": 1}')


def test_a_record_of_too_many_values_is_never_decoded(tmp_path: Path) -> None:
    [found] = records(tmp_path, b'{"a": [' + b"1," * 1_000_001 + b"1]}", Limits(10**9, 10**8))
    assert isinstance(found, Fault)
    assert "values" in found.reason


def _symlink() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("link")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    return buffer.getvalue()


def _encrypted() -> bytes:
    data = bytearray(zipped(a=b"{}"))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def _wrong_checksum() -> bytes:
    data = bytearray(zipped(a=b'{"a": "some text"}\n' * 50))
    at = data.index(b"PK\x01\x02") + 16
    data[at : at + 4] = struct.pack("<I", 7)
    return bytes(data)


def _bomb() -> bytes:
    """300 MB in 300 kB, made without holding them."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(b"0" * 1_000_000) for _ in range(300)) + packer.flush()


def _zip_bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a", "w") as member:
        for _ in range(100):
            member.write(b"0" * 1_000_000)
    return buffer.getvalue()


REFUSED = {
    "empty": (b"", "empty"),
    "UTF-16": ('{"a": 1}\n'.encode("utf-16"), "UTF-16"),
    "Parquet": (b"PAR1" + bytes(20), "Parquet"),
    "picture": (b"\x89PNG\r\n\x1a\n<script>", "picture"),
    "zstd": (b"\x28\xb5\x2f\xfd" + bytes(20), "zstd"),
    "truncated gzip": (gzip.compress(b'{"a": 1}\n' * 100_000)[:-40], "incomplete"),
    "damaged gzip": (gzip.compress(b"{}")[:12] + bytes(30), "damaged"),
    "gzip in gzip": (gzip.compress(gzip.compress(b"{}\n")), "inside an archive"),
    "zip in zip": (zipped(inner=zipped(a=b"{}")), "inside an archive"),
    "zip named so": (zipped(**{"a.zip": b"{}"}), "inside an archive"),
    "gzip bomb": (_bomb(), "decompressed"),
    "zip bomb": (_zip_bomb(), "decompressed"),
    "gzip bomb in a zip": (zipped(a=_bomb()), "decompressed"),
    "climbing": (zipped(**{"../../x": b"{}"}), "leads out"),
    "absolute": (zipped(**{"/etc/x": b"{}"}), "leads out"),
    "backslashes": (zipped(**{"..\\x": b"{}"}), "leads out"),
    "link": (_symlink(), "link"),
    "encrypted": (_encrypted(), "encrypted"),
    "checksum": (_wrong_checksum(), "damaged"),
    "too many members": (zipped(**{f"m{number}": b"{}" for number in range(11)}), "more than 10 files"),
    "very many members": (zipped(**{f"m{number}": b"" for number in range(500)}), "too many files"),
    "no members": (zipped(), "empty"),
    "cut zip": (zipped(a=b"{}" * 1000)[:-30], "damaged"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_or_must_not_be_read_is_refused_with_its_reason(tmp_path: Path, name: str) -> None:
    data, reason = REFUSED[name]
    last = records(tmp_path, data)[-1]
    assert isinstance(last, Fault)
    assert last.fatal
    assert reason in last.reason
    assert [path.name for path in tmp_path.iterdir()] == ["upload"]


def test_a_zip_of_gzips_and_plain_files_is_read(tmp_path: Path) -> None:
    found = records(tmp_path, zipped(**{"a.jsonl": b'{"a":1}', "b.jsonl.gz": gzip.compress(b'{"b":1}\n')}))
    assert found == [Record(1, b'{"a":1}'), Record(1, b'{"b":1}')]


def test_a_bomb_stays_under_256_megabytes(tmp_path: Path) -> None:
    """In a process of its own, since the peak of this one is of no meaning. The limits are those of the product."""
    (tmp_path / "upload").write_bytes(_bomb())
    program = textwrap.dedent(f"""
        import re
        from pathlib import Path
        from corpus.importers.documents import Limits, documents
        for document in documents(Path({str(tmp_path / "upload")!r}), "bomb", Limits(2 * 10**9, 16_000_000)):
            last = list(document.records())[-1]
        peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
        print(last.fatal, int(peak[1]) // 1024)
    """)
    root = Path(module.__file__).parents[2]
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root, timeout=60
    )
    fatal, megabytes = result.stdout.split()
    assert fatal == "True"
    assert int(megabytes) < 256


def test_progress_is_counted_in_bytes_of_the_upload(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(gzip.compress(b'{"a": 1}\n' * 10_000))
    document = Document("file", path, LIMITS)
    assert len(list(document.records())) == 10_000
    assert document.read == path.stat().st_size
