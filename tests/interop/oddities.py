# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random JSON text of every legal kind, as a snap's configuration may be written."""

NUMBERS = [b"0", b"-0", b"1", b"-1", b"1.50", b"1e2", b"1E+2", b"1e-7", b"-0.0",
           b"100e-2", b"9007199254740993", b"18446744073709551616", b"1e400", b"-1e-400",
           b"123456789012345678901234567890.1234567890"]
PIECES = [b"a", b"Z", b" ", b"<b>", b"&amp;", b"'", b"\\\"", b"\\\\", b"\\/", b"/",
          b"\\n", b"\\r", b"\\t", b"\\b", b"\\f", b"\\u0000", b"\\u001f", b"\\u007f",
          b"\x7f", b"\\u0041", b"\\u00e9", b"\xc3\xa9", b"\\u003C", b"\\u2028",
          b"\xe2\x80\xa9", b"\\ud83d\\ude00", b"\xf0\x9f\x98\x80", b"\\ud800", b"\\udfff",
          b"\\ud800\\u0041", b"\xef\xbf\xbd", b"\\ufffd", b"\xef\xbb\xbf",
          b"\xff", b"\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\xf0\x9f\x98",
          b"\xf4\x90\x80\x80",
          b"\\udc00\\ud800", b"\\uD83D\xf0\x9f", b"\\u000b", b"\\u0085", b"\xc2\x85"]
KEYS = [b"", b"a", b"A", b"b.c", b"a-b", b"<k>", b"\\u0061b", b"\xc3\xa9", b"e\xcc\x81",
        b"\\n", b"set", b"conf", b"\xf0\x9f\x98\x80", b"\xef\xbf\xbf", b"\\u2028",
        b"key one"]
# Which nobody may take for one another: case, spaces, look, composition, a zero
ALIKE = [b"key", b"Key", b"KEY", b"key ", b" key", b"\\tkey", b"k\xd0\xb5y",
         b"\xe2\x84\xaaey", b"k\xc3\xa9y", b"ke\xcc\x81y", b"key\\u0000", b"ke",
         b"key\\u200b", b"\xef\xbb\xbfkey"]
DEPTH = 90  # setaside reads 100 levels; those above a configuration are some of them
GAPS = [b"", b"", b"", b" ", b"\n", b"\t", b" \r\n "]


def string(rng):
    return b'"' + b"".join(rng.choice(PIECES) for _ in range(rng.randrange(6))) + b'"'


def members(rng, depth, keys):
    gap = rng.choice(GAPS)
    return b"{" + gap + (b"," + gap).join(
        gap + b'"' + key + b'"' + gap + b":" + gap + value(rng, depth + 1)
        for key in keys) + gap + b"}"


def value(rng, depth=0):
    kind = rng.randrange(8 if depth < 5 else 5)
    if kind < 2:
        return string(rng)
    if kind == 2:
        return rng.choice(NUMBERS)
    if kind < 5:
        return rng.choice([b"true", b"false", b"null", b"{}", b"[]"])
    if kind == 5:
        return b"[" + b" , ".join(value(rng, depth + 1)
                                  for _ in range(rng.randrange(4))) + b"]"
    return members(rng, depth, rng.sample(KEYS, rng.randrange(5)))


def configuration(rng):
    """Text of an object, or None for a snap without configuration."""
    if rng.random() < 0.2:
        return None
    return members(rng, 0, rng.sample(KEYS, rng.randrange(6)))


def everything(rng):
    """Text of an object in which every oddity is at least once."""
    strings = [b'"' + p + b'"' for p in PIECES]
    strings += [b'"' + bytes([c]) * 3 + b'"' for c in (0x7f, 0x80, 0xbf, 0xf5, 0xfe)]
    strings += [b'"\\u%04x"' % c for c in range(0x20)]
    deep = b"[" * (DEPTH // 2) + b'{"d":' * (DEPTH // 2)
    deep += value(rng, 5) + b"}" * (DEPTH // 2) + b"]" * (DEPTH // 2)
    parts = [b'"strings":[' + b",".join(strings) + b"]",
             b'"numbers":[' + b",".join(NUMBERS) + b"]",
             b'"deep":' + deep,
             b'"keys":' + members(rng, 1, KEYS),
             b'"alike":' + members(rng, 1, rng.sample(ALIKE, len(ALIKE))),
             b'"long":"' + b"".join(rng.choice(PIECES) for _ in range(3000)) + b'"']
    rng.shuffle(parts)
    return b"{" + b",".join(parts) + b"}"
