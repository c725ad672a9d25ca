"""The fast way gives what the ordinary one gives, for any frame and any chunk, with either of its parsers."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fake_realtime import message_frame
from voyant_cloud.errors import VoyantError
from voyant_cloud.realtime import fast_frames
from voyant_cloud.realtime.fast_frames import read_message, read_messages, split_frames
from voyant_cloud.realtime.frames import decode_server_frame

NUMBERS = st.one_of(st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=4)),
    max_leaves=12,
)
MESSAGE = json.dumps(message_frame("m1"))
ODD_TEXTS = [
    *("", " ", "null", "[]", '"message"', "{", "{}", '{"type":"message"}', '{"type":["message"]}', "NaN", "\ud800"),
    json.dumps(message_frame("m1")) + " ",
    json.dumps(message_frame("m1")) + "x",
    json.dumps({**message_frame("m1"), "id": 5}),
    json.dumps({**message_frame("m1"), "type": "newer"}),
    json.dumps({**message_frame("m1"), "publishedAt": "2026-11-24T09:30:00", "data": 2**70}),
    json.dumps({**message_frame("m1"), "data": 2**70}),
    json.dumps({**message_frame("m1"), "newer": {"a": 1}}),
    json.dumps({**message_frame("m1"), "publishedAt": "2026-11-24T09:30:00"}),
    json.dumps({**message_frame("m1"), "publishedAt": "soon"}),
    json.dumps({**message_frame("m1"), "publishedAt": None}),
    json.dumps({**message_frame("m1"), "channel": "\ud800"}),
    json.dumps({**message_frame("m1"), "data": 'quoted "text"\n'}),
    json.dumps({key: value for key, value in message_frame("m1").items() if key != "data"}),
    '{"type":"message","id":"m","channel":"c","event":"e","data":1e400,"publishedAt":"2026-11-24T09:30:00Z"}',
    '{"type":"message","id":"m","channel":"c","event":"e","data":NaN,"publishedAt":"2026-11-24T09:30:00Z"}',
    '{"type":"message","id":"m","channel":"c","event":"e","data":[-0,-0.0],"publishedAt":"2026-11-24T09:30:00Z"}',
    '{"type":"message","id":"m","id":"n","channel":"c","event":"e","data":1,"publishedAt":"2026-11-24T09:30:00Z"}',
    '{"type":"message","id":"m","channel":"c","event":"e","data":' + "[" * 5000 + "]" * 5000 + "}",
    '{"type":"connected","channel":"c"}',
    '{"type":"pong"}',
]


@pytest.fixture(params=[None, orjson.loads], ids=["json", "orjson"])
def _parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_frames, "_LOADS", request.param)


@pytest.fixture(params=[None, orjson.loads], ids=["json", "orjson"], scope="module")
def _parser_of_all(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast_frames, "_LOADS", request.param)
        yield


def ordinary(text: str) -> Any:
    try:
        return decode_server_frame(text)
    except VoyantError as error:
        return error


def same(ours: Any, theirs: Any) -> bool:
    # repr, too: 1 == 1.0 == True, and -0.0 == 0.
    return (type(ours), repr(ours), str(ours)) == (type(theirs), repr(theirs), str(theirs))


@given(st.text(max_size=6), JSON, st.booleans())
def test_any_single_message(name: str, data: Any, is_ascii: bool) -> None:
    """One alone is read as it is among others."""
    text = json.dumps({**message_frame(name), "event": name, "data": data}, ensure_ascii=is_ascii)
    read = read_message(text)
    assert read is None or same(read, ordinary(text))
    assert read is not None or not name.isascii()


@pytest.mark.parametrize("text", [MESSAGE, *ODD_TEXTS])
def test_an_odd_single_text(text: str) -> None:
    """What is not just as usual is left alone."""
    read = read_message(text)
    assert read is None or same(read, ordinary(text))


@pytest.mark.parametrize("value", [5, None, [], ["m"], {"a": 1}])
def test_a_message_whose_names_are_none(value: Any) -> None:
    """All three of a kind that could be added up."""
    assert read_message(json.dumps({**message_frame("m1"), "id": value, "channel": value, "event": value})) is None


@pytest.mark.usefixtures("_parser_of_all")
@given(st.lists(st.tuples(st.text(max_size=6), JSON), min_size=1, max_size=4), st.booleans())
def test_any_message(messages: list[tuple[str, Any]], is_ascii: bool) -> None:
    """Whatever is published, to the last digit, escaped or not."""
    texts = [
        json.dumps({**message_frame(name), "event": name, "data": data}, ensure_ascii=is_ascii)
        for name, data in messages
    ]
    read = read_messages(texts)
    if read is not None:
        assert all(map(same, read, map(ordinary, texts)))
    # What it leaves has a number that its parser may have rounded, or too deep an array for it.
    else:
        assert fast_frames._LOADS is not None


@pytest.mark.usefixtures("_parser")
def test_it_takes_what_is_usual() -> None:
    """Escapes, large numbers and characters of all kinds among it."""
    data = {"text": 'é "quoted" \n 😀', "numbers": [0, -1.5, 2**53 + 1, 0.1], "none": None}
    texts = [json.dumps({**message_frame(f"é{n}"), "data": data}, ensure_ascii=bool(n % 2)) for n in range(5)]
    read = read_messages(texts)
    assert read is not None
    assert all(map(same, read, map(ordinary, texts)))


@pytest.mark.usefixtures("_parser")
@pytest.mark.parametrize("text", ODD_TEXTS, ids=lambda text: text[:60])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_odd_texts(text: str, place: int) -> None:
    """What is not just as usual is left, with all that came with it, or read as always."""
    texts = [json.dumps(message_frame("m2")), json.dumps(message_frame("m3"))]
    texts.insert(place, text)
    read = read_messages(texts)
    assert read is None or all(map(same, read, map(ordinary, texts)))


@pytest.mark.usefixtures("_parser")
@pytest.mark.parametrize(
    "texts",
    [
        ['{"type":"message","data":[1', '2],"id":"m"}'],
        ["[1", "2]"],
        ["", ""],
        [MESSAGE + "," + MESSAGE, MESSAGE],
        [MESSAGE, MESSAGE + "]", "[" + MESSAGE],
        # Two halves of one message, and two messages in one text: as many as there are texts.
        [MESSAGE[:-1] + ',"more":[{}', "{}]}", MESSAGE + "," + MESSAGE],
        [MESSAGE[:-1] + ',"more":[{}', "{}]}", MESSAGE + ",1," + MESSAGE],
    ],
)
def test_texts_that_are_no_value_by_themselves(texts: list[str]) -> None:
    """Though all are parsed in one call, what makes sense only together is not taken."""
    assert read_messages(texts) is None


@pytest.mark.usefixtures("_parser")
def test_times() -> None:
    """Each message has its own time, though the one before had another."""
    times = ["2026-11-24T09:30:00.000Z", "2026-11-24T09:30:00.000Z", "2026-11-24T11:30:00+02:00", "2026-11-24 09:31Z"]
    texts = [json.dumps({**message_frame(f"m{n}"), "publishedAt": time}) for n, time in enumerate(times)]
    assert read_messages(texts) == [ordinary(text) for text in texts]


def test_messages_are_as_any_other() -> None:
    """One that was made past its constructor is hashed, compared, shown and frozen like others."""
    text = json.dumps(message_frame("m1", 1))
    read = read_messages([text])
    assert read is not None
    [message] = read
    assert (message, hash(message)) == (ordinary(text), hash(ordinary(text)))
    with pytest.raises(AttributeError):
        message.id = "other"  # type: ignore[misc]


def test_another_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a model that has other fields or rules, everything goes the ordinary way."""
    monkeypatch.setattr(fast_frames, "IS_KNOWN", False)
    assert read_messages([MESSAGE]) is None
    assert read_message(MESSAGE) is None


# Splitting


def frame(payload: bytes, *, first: int = 0x81, masked: bool = False) -> bytes:
    """A frame as RFC 6455 has it."""
    size = len(payload)
    if size < 126:
        head = bytes((first, size | masked << 7))
    elif size < 65_536:
        head = struct.pack("!BBH", first, 126 | masked << 7, size)
    else:
        head = struct.pack("!BBQ", first, 127 | masked << 7, size)
    return head + bytes(4 * masked) + payload


SIZES = st.one_of(st.integers(0, 4), st.integers(120, 130), st.just(300))


@given(st.lists(SIZES, max_size=6), st.integers(0, 5), st.integers(1, 8), st.data())
def test_whole_frames_come_out(sizes: list[int], place: int, limit: int, data: st.DataObject) -> None:
    """Wherever the chunk ends, the frames that are whole are given, up to the limit, and the place of the next."""
    payloads = [bytes([65 + number]) * size for number, size in enumerate(sizes)]
    frames = [frame(payload) for payload in payloads]
    whole = bytes(place) + b"".join(frames)
    end = data.draw(st.integers(place, len(whole)))
    found, then = split_frames(whole[:end], place, limit)
    assert found == payloads[: len(found)]
    assert then == place + sum(map(len, frames[: len(found)]))
    if len(found) < min(limit, len(frames)):
        # Where a header of four bytes may not be there for certain, the library reads the rest.
        assert end < then + max(len(frames[len(found)]), 4)


@pytest.mark.parametrize(
    "other",
    [
        frame(b"x" * 65_536),
        frame(b"part", first=0x01),
        frame(b"rest", first=0x80),
        frame(b"\x00\x01", first=0x82),
        frame(b"ping", first=0x89),
        frame(b"\x03\xe8", first=0x88),
        frame(b"rsv1", first=0xC1),
        frame(b"masked", masked=True),
    ],
    ids=["large", "fragment", "continuation", "binary", "ping", "close", "reserved", "masked"],
)
def test_all_else_is_left(other: bytes) -> None:
    """It stops before a frame that is not plain text."""
    first = frame(b"plain")
    assert split_frames(first + other + frame(b"plain"), 0, 10) == ([b"plain"], len(first))
