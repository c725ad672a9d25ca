"""Frames as a client writes them: what the library would have written."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websocket import ABNF

from voyant_cloud.realtime.client_frame import client_frame


@given(st.sampled_from(sorted(ABNF.OPCODES)), st.binary(max_size=300), st.binary(min_size=4, max_size=4))
@example(ABNF.OPCODE_TEXT, b"", b"\0\0\0\0")
@example(ABNF.OPCODE_TEXT, b"\0" * 5, b"\0\0\1\0")
def test_any_frame(opcode: int, payload: bytes, mask: bytes) -> None:
    """Whatever it holds, and whatever the mask is."""
    assert client_frame(opcode, payload, mask) == _by_the_library(opcode, payload, mask)


@pytest.mark.parametrize("size", [125, 126, 127, 65_535, 65_536, 65_537, 1_000_003])
def test_any_size(size: int) -> None:
    """The length takes one byte, two or eight."""
    payload = bytes(index % 251 for index in range(size))
    assert client_frame(2, payload, b"\1\2\3\xff") == _by_the_library(2, payload, b"\1\2\3\xff")


def _by_the_library(opcode: int, payload: bytes, mask: bytes) -> bytes:
    frame = ABNF(1, 0, 0, 0, opcode, 1, payload)
    frame.get_mask_key = lambda _: mask
    return frame.format()
