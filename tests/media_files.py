"""Tiny files of every format, and some that pretend."""

import io
import struct
import zipfile
import zlib

from messaging.media_types import OFFICE


def png(width: int = 1, height: int = 1) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" + b"\xff\0\0" * width)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def ooxml(folder: str, *more: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("[Content_Types].xml", "_rels/.rels", f"{folder}/document.xml", *more):
            archive.writestr(name, "<x/>")
    return file.getvalue()


def ole(*streams: str, embedded: str = "") -> bytes:
    """A compound file whose root holds these streams, each the right sibling of the one before; and
    a storage with one more stream in it.
    """
    free, end = 0xFFFFFFFF, 0xFFFFFFFE
    names = ["Root Entry", *streams, *(["MBD0001", embedded] if embedded else [])]
    last = len(names) - 1
    entries = b""
    for index, name in enumerate(names):
        raw = (name + "\0").encode("utf-16-le")
        is_inner = embedded and index == last
        right = index + 1 if 0 < index < last - (1 if embedded else 0) and not is_inner else free
        child = 1 if index == 0 else (last if name == "MBD0001" else free)
        kind = 5 if index == 0 else (1 if name == "MBD0001" else 2)
        entry = raw.ljust(64, b"\0") + struct.pack("<HBBIII", len(raw), kind, 1, free, right, child)
        entries += entry.ljust(128, b"\0")
    sectors = [entries[at : at + 512].ljust(512, b"\0") for at in range(0, len(entries), 512)]
    chain = [*range(2, len(sectors) + 1), end]  # sector 0 is the table itself
    table = struct.pack(f"<I{len(chain)}I", 0xFFFFFFFD, *chain).ljust(512, b"\xff")
    header = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 62, 3, 65534, 9, 6)
    )
    header += bytes(10) + struct.pack("<IIIIIIII", 1, 1, 0, 4096, end, 0, end, 0)
    header = header[:76] + struct.pack("<I", 0) + b"\xff" * (108 * 4)
    return header + table + b"".join(sectors)


JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffdb0043") + bytes(67) + b"\xff\xd9"
PNG = png()
GIF = b"GIF89a\x01\x00\x01\x00\x80\x00\x00" + bytes(6) + b",\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"
WEBP = b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0/" + bytes(12)
MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\0\x08free"
THREE_GP = b"\0\0\0\x18ftyp3gp4\0\0\0\0isom3gp4\0\0\0\x08free"
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\n%%EOF\n"
MP3 = b"\xff\xfb\x90\x64" + bytes(413)
MP3_TAGGED = b"ID3\x03\0\0\0\0\0\x21" + bytes(40)
OGG = b"OggS\0\x02" + bytes(20) + b"\x01\x13OpusHead\x01\x01" + bytes(17)
AMR = b"#!AMR\n\x3c" + bytes(31)
AAC = b"\xff\xf1\x50\x80\x02\x1f\xfc" + bytes(20)
M4A = b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42"

# name: (bytes, content type, what WhatsApp shows it as)
FORMATS = {
    "a.jpg": (JPEG, "image/jpeg", "image"),
    "a.png": (PNG, "image/png", "image"),
    "a.gif": (GIF, "image/gif", "document"),
    "a.webp": (WEBP, "image/webp", "sticker"),
    "a.mp4": (MP4, "video/mp4", "video"),
    "a.3gp": (THREE_GP, "video/3gpp", "video"),
    "a.pdf": (PDF, "application/pdf", "document"),
    "a.doc": (ole("1Table", "WordDocument"), "application/msword", "document"),
    "a.xls": (ole("Workbook"), "application/vnd.ms-excel", "document"),
    "a.ppt": (ole("PowerPoint Document"), "application/vnd.ms-powerpoint", "document"),
    "a.docx": (ooxml("word"), f"{OFFICE}wordprocessingml.document", "document"),
    "a.xlsx": (ooxml("xl"), f"{OFFICE}spreadsheetml.sheet", "document"),
    "a.pptx": (ooxml("ppt"), f"{OFFICE}presentationml.presentation", "document"),
    "a.mp3": (MP3, "audio/mpeg", "audio"),
    "b.mp3": (MP3_TAGGED, "audio/mpeg", "audio"),
    "a.ogg": (OGG, "audio/ogg", "audio"),
    "a.amr": (AMR, "audio/amr", "audio"),
}

HTML = b"<!doctype html><script>alert(1)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
# name: bytes of what is not taken, whatever it is called
REFUSED = {
    "page.jpg": HTML,
    "page.pdf": b"<html>" + PDF,
    "script.jpg": b"\xff\xd8\xff<script>alert(1)</script>",
    "drawing.png": SVG,
    "drawing.svg": SVG,
    "note.txt": b"hello, plain text",
    "program.pdf": b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff" + bytes(60),
    "installer.doc": ole("Property", "!FileList"),
    "macros.docx": ooxml("word", "word/vbaProject.bin"),
    "archive.docx": ooxml("stuff"),
    "two.docx": ooxml("word", "xl/workbook.xml"),
    "cut.docx": ooxml("word")[:60],
    "film.mp4": b"\0\0\0\x14ftypqt  \0\0\0\0qt  ",
    "photo.jpg": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "film.ogg": b"OggS\0\x02" + bytes(22) + b"\x80theora" + bytes(20),
    "sound.mp3": b"RIFF\x24\0\0\0WAVEfmt " + bytes(20),
    "sound.aac": AAC,
    "sound.m4a": M4A,
    "nothing.png": b"\0" * 100,
}
