"""Zip archives, distrusted: what is in one is decided before Python's zipfile builds a list of it in memory."""

import stat
import struct
import zipfile
from pathlib import Path

from common.words import gettext_noop as _

MAX_MEMBERS = 10
# zipfile reads the whole directory into memory, at about half a kilobyte an entry: a million entries would not fit.
MAX_DIRECTORY = 64_000
END, END_SIZE, LOCATOR, LOCATOR_SIZE = b"PK\x05\x06", 22, b"PK\x06\x07", 20


class Unreadable(Exception):
    """A file that cannot be read (further); the argument says why, in words for the person who sent it."""


def _check_directory(path: Path) -> None:
    """Reads the end record of a zip by hand, as zipfile does, and refuses a directory that is too large."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        stream.seek(max(0, size - END_SIZE - 0xFFFF - LOCATOR_SIZE))
        tail = stream.read()
    at = tail.rfind(END)
    if at < 0 or len(tail) - at < END_SIZE:
        raise Unreadable(_("the zip archive is damaged or incomplete"))
    if LOCATOR in tail[max(0, at - LOCATOR_SIZE) : at]:
        raise Unreadable(_("a zip archive of the 64-bit kind; use gzip"))
    entries, directory = struct.unpack("<HI", tail[at + 10 : at + 16])
    if entries > 100 or directory > MAX_DIRECTORY:
        raise Unreadable(_("too many files in the zip archive"))


def _check_member(entry: zipfile.ZipInfo) -> None:
    name = entry.filename
    mode = entry.external_attr >> 16
    if name.startswith(("/", "\\")) or "\\" in name or ":" in name or ".." in name.split("/"):
        raise Unreadable(_("the zip archive has a file whose name leads out of it"))
    if mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
        raise Unreadable(_("the zip archive has a link or device in it"))
    if entry.flag_bits & 0x1:
        raise Unreadable(_("the zip archive is encrypted"))
    if name.lower().endswith((".zip", ".tar", ".tgz")):
        raise Unreadable(_("an archive inside an archive: unpack it once"))


def members(path: Path) -> list[str]:
    """The names of the files in the zip at `path`, checked. Nothing is ever extracted. Raises Unreadable."""
    _check_directory(path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    except (zipfile.BadZipFile, NotImplementedError, struct.error, ValueError) as fault:
        raise Unreadable(_("the zip archive is damaged or incomplete")) from fault
    for entry in entries:
        _check_member(entry)
    names = [entry.filename for entry in entries if not entry.filename.startswith("__MACOSX/")]
    if not names:
        raise Unreadable(_("the zip archive is empty"))
    if len(names) > MAX_MEMBERS:
        raise Unreadable(_("more than %(max_members)s files in the zip archive") % {"max_members": MAX_MEMBERS})
    if len(set(names)) < len(names):
        raise Unreadable(_("two files of one name in the zip archive"))
    return names
