"""Bytes to characters, by an allow-list and with the repairs that real mail needs.

Never ``codecs.lookup`` on a name out of a mail: some names are no character sets (zip, idna, undefined) and some
raise. Windows programs say iso-8859-1 and mean cp1252, old programs say nothing at all, and many say one thing and
write another.
"""

import re

_CP1252 = {
    *("us-ascii", "ascii", "ansi_x3.4-1968", "iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "latin-1"),
    *("windows-1252", "cp1252", "cp-1252", "x-cp1252", "x-ansi", "ansi", "8bit", "iso-8859-1-windows-1252"),
}
_UTF8 = {"utf-8", "utf8", "utf-8-sig", "unicode-1-1-utf-8", "x-utf-8"}
_CODECS = {
    **{f"iso-8859-{n}": f"iso8859_{n}" for n in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)},
    **{f"windows-{n}": f"cp{n}" for n in (874, 1250, 1251, 1253, 1254, 1255, 1256, 1257, 1258)},
    **{f"cp{n}": f"cp{n}" for n in (437, 850, 852, 855, 858, 866, 1250, 1251, 1253, 1254, 1257)},
    "iso-8859-8-i": "iso8859_8",
    "iso8859-15": "iso8859_15",
    "latin9": "iso8859_15",
    "latin2": "iso8859_2",
    "ibm437": "cp437",
    "ibm850": "cp850",
    "ibm852": "cp852",
    "macintosh": "mac_roman",
    "mac": "mac_roman",
    "koi8-r": "koi8_r",
    "koi8-u": "koi8_u",
    "tis-620": "cp874",
    "utf-16": "utf_16",
    "utf-16le": "utf_16_le",
    "utf-16be": "utf_16_be",
    "utf-32": "utf_32",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "euc-jp": "euc_jp",
    "iso-2022-jp": "iso2022_jp",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "iso-2022-kr": "iso2022_kr",
}
_WIDE = re.compile("[^\x00-\x7f\ufffd]")


def decode(data: bytes, charset: str) -> str:
    """The characters of `data`; `charset` is what the mail claims, in any spelling, "" for nothing. Never raises."""
    name = charset.strip().strip("\"'").lower()
    codec = _CODECS.get(name)
    if codec is not None:
        return data.decode(codec, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _repaired(data, name)


def _repaired(data: bytes, name: str) -> str:
    """Bytes that are not UTF-8: cp1252, unless they claim UTF-8 and mostly are."""
    if name in _UTF8 or name not in _CP1252:
        text = data.decode("utf-8", "replace")
        if len(_WIDE.findall(text)) > text.count("\ufffd"):
            return text
    return data.decode("cp1252", "replace")
