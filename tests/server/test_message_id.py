"""Message ids: their text, and what is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voyant_cloud.server.message_id import MessageId, new_epoch, parse_message_id

ids = st.builds(
    MessageId,
    st.integers(0, 2**64 - 1).map(lambda n: f"{n:016x}"),
    st.integers(0, 10**15 - 1),
    st.integers(0, 10**12 - 1),
)


@given(ids)
def test_text_reads_back(message_id: MessageId) -> None:
    """An id's text is 49 characters long and reads back as the same id."""
    assert len(str(message_id)) == 49
    assert parse_message_id(str(message_id)) == message_id


def test_text_shows_epoch_time_and_seq() -> None:
    """The text holds epoch, milliseconds and seq, padded with zeros."""
    text = str(MessageId("0123456789abcdef", 1_795_488_319_169, 3))
    assert text == "rtm_0123456789abcdef_001795488319169_000000000003"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rtm_",
        "rtm_0123456789abcdef_1795488319169_3",
        "rtm_0123456789ABCDEF_001795488319169_000000000003",
        "rtm_0123456789abcdef_001795488319169_000000000003\n",
        " rtm_0123456789abcdef_001795488319169_000000000003",
        "rtm_0123456789abcdef_00179548831916٣_000000000003",
        "rtm_0123456789abcdef_-01795488319169_000000000003",
        "msg_0123456789abcdef_001795488319169_000000000003",
    ],
)
def test_other_text_is_no_id(text: str) -> None:
    """Text that this server did not write is not taken for an id."""
    assert parse_message_id(text) is None


def test_epochs_differ() -> None:
    """Each new epoch is another, of 16 hexadecimal digits."""
    epochs = {new_epoch() for _ in range(100)}
    assert len(epochs) == 100
    assert all(parse_message_id(str(MessageId(epoch, 0, 0))) for epoch in epochs)
