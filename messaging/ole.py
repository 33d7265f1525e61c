"""The names in the root of an OLE compound file: what tells a .doc from an .xls or a .ppt.

Only the directory is read, along its chain of sectors, with a cap on every step: the file comes from
outside and may be made to lead in circles. Layout: [MS-CFB].
"""

import struct
from typing import IO

_HEADER = 512
_ENTRY = 128
_MAX_SECTORS = 256
_END = 0xFFFFFFFA  # this and above are marks, not sectors


def root_streams(file: IO[bytes]) -> set[str]:
    """Names right under the root; what is embedded deeper (a sheet in a letter) is not asked for."""
    try:
        return _names(_directory(file))
    except (struct.error, ValueError, OverflowError):
        return set()


def _directory(file: IO[bytes]) -> bytes:
    file.seek(0)
    header = file.read(_HEADER)
    (shift,) = struct.unpack_from("<H", header, 30)
    if shift not in (9, 12):
        raise ValueError("neither 512 nor 4096 bytes a sector")
    size = 1 << shift
    (sector,) = struct.unpack_from("<I", header, 48)
    tables = struct.unpack_from("<109I", header, 76)
    parts: list[bytes] = []
    while sector < _END and len(parts) < _MAX_SECTORS:
        parts.append(_sector(file, sector, size))
        table, index = divmod(sector, size // 4)
        if table >= len(tables) or tables[table] >= _END:
            break
        (sector,) = struct.unpack_from("<I", _sector(file, tables[table], size), index * 4)
    return b"".join(parts)


def _sector(file: IO[bytes], number: int, size: int) -> bytes:
    file.seek((number + 1) * size)
    return file.read(size)


def _names(directory: bytes) -> set[str]:
    """The root's children are a tree of siblings: entries with a left and a right one."""
    (child,) = struct.unpack_from("<I", directory, 76)
    names: set[str] = set()
    seen: set[int] = set()
    waiting = [child]
    while waiting:
        number = waiting.pop()
        at = number * _ENTRY
        if number in seen or at + _ENTRY > len(directory):
            continue
        seen.add(number)
        length, left, right = (
            *struct.unpack_from("<H", directory, at + 64),
            *struct.unpack_from("<II", directory, at + 68),
        )
        names.add(directory[at : at + max(0, min(length, 64) - 2)].decode("utf-16-le", "replace"))
        waiting += [left, right]
    return names
