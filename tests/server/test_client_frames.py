"""What clients send, put together: any way the bytes are cut, and every way to break the protocol."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voyant_cloud.realtime.client_frame import client_frame, masked
from voyant_cloud.server.client_frames import BINARY, CLOSE, PING, PONG, TEXT, BrokenFrameError, ClientFrames, Frame

MASK = b"\x01\xff\x00\x7f"
MOST = 70_000
CONTINUATION = 0x0


def written(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    frame = client_frame(opcode, payload, MASK)
    return frame if final else bytes((frame[0] & 0x7F,)) + frame[1:]


def read(*chunks: bytes, most: int = MOST) -> list[Frame]:
    """Read bytes as they come: by the short way where that is one."""
    frames = ClientFrames(most)
    found: list[Frame] = []
    for chunk in chunks:
        text = frames.lone_text(chunk)
        found += put(frames, chunk) if text is None else [Frame(TEXT, text)]
    return found


def put(frames: ClientFrames, chunk: bytes) -> list[Frame]:
    frames.put(chunk)
    return list(frames.whole())


def broken(*chunks: bytes, most: int = MOST) -> BrokenFrameError:
    with pytest.raises(BrokenFrameError) as caught:
        read(*chunks, most=most)
    assert str(caught.value) == caught.value.reason
    return caught.value


texts = st.text(max_size=40) | st.integers(100, 400).map(lambda size: "ä" * size)
messages = st.one_of(
    texts.map(lambda text: (written(TEXT, text.encode()), Frame(TEXT, text))),
    st.binary(max_size=60).map(lambda payload: (written(BINARY, payload), Frame(BINARY))),
    st.binary(max_size=125).map(lambda payload: (written(PING, payload), Frame(PING, payload=payload))),
    st.binary(max_size=125).map(lambda payload: (written(PONG, payload), Frame(PONG, payload=payload))),
    st.lists(texts, min_size=2, max_size=4).map(
        lambda parts: (
            written(TEXT, parts[0].encode(), final=False)
            # Control frames may come between.
            + b"".join(written(CONTINUATION, part.encode(), final=False) for part in parts[1:-1])
            + written(CONTINUATION, parts[-1].encode()),
            Frame(TEXT, "".join(parts)),
        )
    ),
)


@given(st.lists(messages, max_size=6), st.lists(st.integers(1, 90), max_size=40))
def test_it_does_not_matter_how_bytes_are_cut(sent: list[tuple[bytes, Frame]], sizes: list[int]) -> None:
    """Whatever comes together with whatever, each frame comes out once, in order."""
    stream = b"".join(data for data, _ in sent)
    chunks = []
    for size in sizes:
        chunks.append(stream[:size])
        stream = stream[size:]
    assert read(*chunks, stream) == [frame for _, frame in sent]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, MOST])
def test_any_size(size: int) -> None:
    """The length takes one byte, two or eight."""
    frame = written(TEXT, b"x" * size)
    assert read(frame) == [Frame(TEXT, "x" * size)]
    assert read(frame[:3], frame[3:]) == [Frame(TEXT, "x" * size)]


def test_one_byte_at_a_time() -> None:
    """So does it come where somebody is slow."""
    stream = written(TEXT, b"x" * 200) + written(PING, b"p") + written(CLOSE, b"\x03\xe8bye")
    chunks = [bytes((byte,)) for byte in stream]
    assert read(*chunks) == [Frame(TEXT, "x" * 200), Frame(PING, payload=b"p"), Frame(CLOSE, code=1000)]


def test_control_frames_may_come_within_a_message() -> None:
    """They are dealt with at once, and the message goes on."""
    stream = written(TEXT, "hä".encode()[:2], final=False), written(PING, b"1"), written(CONTINUATION, b"\xa4")
    assert read(*stream) == [Frame(PING, payload=b"1"), Frame(TEXT, "hä")]


@pytest.mark.parametrize(("payload", "code"), [(b"", None), (b"\x03\xe8", 1000), (b"\x0f\xa0why", 4000)])
def test_a_close_may_have_a_code(payload: bytes, code: int | None) -> None:
    """Codes that a peer may send are taken, and so is a close without one."""
    assert read(written(CLOSE, payload)) == [Frame(CLOSE, code=code)]


@pytest.mark.parametrize(
    ("stream", "code", "words"),
    [
        (b"\x81\x05hello", 1002, "masked"),
        (b"\x81\x85" + b"x" * 3, None, ""),
        (b"\xc1\x80" + MASK, 1002, "reserved bit"),
        (b"\x83\x80" + MASK, 1002, "no opcode 3"),
        (b"\x8b\x80" + MASK, 1002, "no opcode 11"),
        (written(PING, b"", final=False), 1002, "in parts"),
        (b"\x89\xfe\x00\x7e" + MASK + b"x" * 126, 1002, "more than 125 bytes"),
        (written(CONTINUATION, b""), 1002, "none began"),
        (written(TEXT, b"a", final=False) + written(TEXT, b"b"), 1002, "within another"),
        (written(TEXT, b"\xff\xfe"), 1007, "UTF-8"),
        (written(TEXT, b"\xe2\x82", final=False) + written(CONTINUATION, b"x"), 1007, "UTF-8"),
        (written(CLOSE, b"\x03\xe8\xff"), 1007, "UTF-8"),
        (written(CLOSE, b"\x03"), 1002, "no code"),
        (written(CLOSE, b"\x03\xed"), 1002, "no code"),
        (written(CLOSE, b"\x13\x88"), 1002, "no code"),
        (b"\x81\xfe\xff\xff", None, ""),
        (b"\x81\xff" + (MOST + 1).to_bytes(8, "big"), 1009, f"more than {MOST} bytes"),
        (b"\x81\xff" + b"\xff" * 8, 1009, f"more than {MOST} bytes"),
        (written(TEXT, b"x" * MOST, final=False) + b"\x80\x81", 1009, f"more than {MOST} bytes"),
        (written(TEXT, b"x" * MOST, final=False) + written(CONTINUATION, b"", final=False) * 9, None, ""),
    ],
)
def test_what_breaks_the_protocol(stream: bytes, code: int | None, words: str) -> None:
    """Each is refused with the code of RFC 6455, however it is cut; ``None`` is only not whole yet."""
    cuts = [stream], [stream[:1], stream[1:]], [stream[:5], stream[5:]]
    for chunks in cuts:
        if code is None:
            assert read(*chunks) == []
        else:
            error = broken(*chunks)
            assert (error.code, words in error.reason) == (code, True), error


def test_what_came_before_is_told() -> None:
    """A frame that breaks the protocol does not take those before it along."""
    frames = ClientFrames(MOST)
    found: list[Frame] = []
    frames.put(written(TEXT, b"1") + written(PING, b"") + b"\xff\xff")
    coming = frames.whole()
    found += [next(coming), next(coming)]
    with pytest.raises(BrokenFrameError):
        next(coming)
    assert found == [Frame(TEXT, "1"), Frame(PING)]


def test_the_short_way_leaves_what_is_not_usual() -> None:
    """It takes one whole text that is valid, within the limit, and not within another; nothing else."""
    usual = written(TEXT, b"x" * 10)
    assert ClientFrames(MOST).lone_text(usual) == "x" * 10
    others = [
        b"\x81\xff" + b"\0" * 131,
        usual[:-1],
        usual + b"\x81",
        written(BINARY, b"x"),
        written(TEXT, b"\xff"),
        b"\x81\x04" + b"x" * 4,
        b"",
    ]
    # What is not masked is not to be mistaken for something longer that is.
    others.append(b"\x81\x05" + b"x" * 137)
    assert [ClientFrames(MOST).lone_text(other) for other in others] == [None] * len(others)
    assert ClientFrames(9).lone_text(usual) is None
    within = ClientFrames(MOST)
    assert put(within, written(TEXT, b"a", final=False)) == []
    assert within.lone_text(usual) is None
    behind = ClientFrames(MOST)
    assert put(behind, usual[:4]) == []
    assert behind.lone_text(usual) is None


def test_whoever_stops_finds_the_rest_later() -> None:
    """What was given is not given again, and nothing is passed over."""
    frames = ClientFrames(MOST)
    frames.put(b"".join(written(TEXT, str(number).encode()) for number in range(5)) + b"\x81")
    assert [next(iter(frames.whole())).text for _ in range(3)] == ["0", "1", "2"]
    frames.put(b"\x80" + MASK)
    assert [frame.text for frame in frames.whole()] == ["3", "4", ""]


@pytest.mark.parametrize("size", [5, 119, 200, 65_535, 65_554])
def test_a_cut_anywhere_and_any_form_of_length(size: int) -> None:
    """Eight bytes of length are never taken for a mask, however small the size that they tell."""
    payload = b"x" * size
    mask = b"abcd"
    long = b"\x81\xff" + size.to_bytes(8, "big") + mask + masked(payload, mask)
    for frame in (client_frame(TEXT, payload, mask), long):
        for place in {*range(1, min(len(frame), 400)), len(frame) - 1, len(frame)}:
            assert read(frame[:place], frame[place:]) == [Frame(TEXT, payload.decode())], place


def test_a_message_comes_in_so_many_frames_and_no_more() -> None:
    """Empty ones would cost the sender next to nothing, and us the time of everybody else."""
    part = written(CONTINUATION, b"", final=False)
    assert read(written(TEXT, b"", final=False) + part * 126 + written(CONTINUATION, b"x")) == [Frame(TEXT, "x")]
    error = broken(written(TEXT, b"", final=False) + part * 127)
    assert (error.code, error.reason) == (1009, "more than 128 frames in a message")


def test_a_control_frame_fits_into_a_message_at_its_limit() -> None:
    """Its bytes are not the message's."""
    stream = written(TEXT, b"x" * MOST, final=False) + written(PING, b"hi") + written(CONTINUATION, b"")
    assert read(stream) == [Frame(PING, payload=b"hi"), Frame(TEXT, "x" * MOST)]
