"""The session: cursor, repeats and gaps, from nothing but the frames that came."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from tests.fake_realtime import message_frame
from voyant_cloud.errors import RealtimeGapError
from voyant_cloud.models import RealtimeChannelError, RealtimeMessageSummary
from voyant_cloud.realtime.events import EVENT_NAMES, Event, RealtimeChannelGapEvent
from voyant_cloud.realtime.session import REMEMBERED_IDS, Session


def new_session(since_id: str | None = None, *, raise_on_gap: bool = False) -> Session:
    session = Session(channel="orders:eu", since_id=since_id, raise_on_gap=raise_on_gap)
    session.dialing()
    return session


def tell(session: Session, frame: Any) -> list[Event]:
    return tell_text(session, json.dumps(frame))


def tell_text(session: Session, text: str) -> list[Event]:
    events: list[Event] = []
    session.texts_received([text], events)
    return events


def connected(**fields: Any) -> dict[str, Any]:
    return {"type": "connected", "channel": "orders:eu", **fields}


def history_gap(resumed_from: str | None) -> dict[str, Any]:
    return {
        "type": "error",
        "code": "history_gap",
        "message": "gone",
        "sinceId": "old",
        "resumedFrom": resumed_from,
    }


def names(events: list[Event]) -> list[str]:
    return [EVENT_NAMES[type(event)] for event in events]


# The cursor


def test_cursor_is_the_last_message() -> None:
    """It resumes after what was received last."""
    session = new_session()
    tell(session, connected())
    assert session.cursor is None
    tell(session, message_frame("m1"))
    tell(session, message_frame("m2"))
    assert session.cursor == "m2"


def test_last_id_is_the_cursor_of_a_fresh_start() -> None:
    """A drop before the first message leaves no hole, if the service says where the channel stood."""
    session = new_session()
    tell(session, connected(lastId="m9"))
    assert session.cursor == "m9"


def test_last_id_does_not_move_a_cursor() -> None:
    """What lies between the cursor and the newest message is about to be replayed."""
    session = new_session("m3")
    tell(session, connected(lastId="m9", recovered=True))
    assert session.cursor == "m3"


def test_a_new_connection_is_not_live_before_it_says_so() -> None:
    """An open socket is no subscription yet."""
    session = new_session()
    assert not session.is_live
    tell(session, connected())
    assert session.is_live
    session.dialing()
    assert not session.is_live


# Repeats


def test_a_replay_that_repeats_is_dropped() -> None:
    """The handler sees each id once, over as many connections as it takes."""
    session = new_session()
    tell(session, message_frame("m1"))
    tell(session, message_frame("m2"))
    session.dialing()
    assert tell(session, message_frame("m1")) == []
    assert session.cursor == "m2", "a repeat must not take the cursor back"
    assert names(tell(session, message_frame("m3"))) == ["message"]


def test_repeats_among_many() -> None:
    """Of messages that come together each new one is delivered once, where it first stands."""
    session = new_session()
    tell(session, message_frame("m1"))
    events: list[Event] = []
    session.texts_received([json.dumps(message_frame(name)) for name in ("m1", "m2", "m3", "m2", "m4")], events)
    assert [event.id for event in events if isinstance(event, RealtimeMessageSummary)] == ["m2", "m3", "m4"]
    assert session.cursor == "m4"


def test_other_frames_among_messages(caplog: pytest.LogCaptureFixture) -> None:
    """What came together is told in its order, whatever it is; and what cannot be read costs nothing else."""
    session = new_session()
    frames = [connected(), *(message_frame(f"m{n}") for n in range(4)), {"type": "newer"}]
    frames += [{**message_frame("odd"), "publishedAt": "2026-11-24T09:30:00"}, message_frame("last"), history_gap("m9")]
    texts = [json.dumps(frame) for frame in frames]
    events: list[Event] = []
    session.texts_received([*texts[:3], "{", *texts[3:]], events)
    assert names(events) == ["connected", *["message"] * 6, "gap"]
    assert [event.id for event in events if isinstance(event, RealtimeMessageSummary)][-2:] == ["odd", "last"]
    assert "cannot be read" in caplog.text


def test_other_frames_among_many_messages() -> None:
    """However many came together, all is told in its order."""
    session = new_session()
    frames = [connected(), *(message_frame(f"m{n}") for n in range(70)), history_gap("m99"), message_frame("last")]
    events: list[Event] = []
    session.texts_received([json.dumps(frame) for frame in frames], events)
    assert names(events) == ["connected", *["message"] * 70, "gap", "message"]
    ids = [event.id for event in events if isinstance(event, RealtimeMessageSummary)]
    assert ids == [*(f"m{n}" for n in range(70)), "last"]


def test_the_given_id_is_not_delivered_again() -> None:
    """A service that replays from since_id on, instead of after it, repeats nothing."""
    session = new_session("m1")
    assert tell(session, message_frame("m1")) == []


def test_remembered_ids_are_bounded() -> None:
    """The newest are remembered, and memory does not grow for ever."""
    session = new_session()
    for number in range(REMEMBERED_IDS + 1):
        tell(session, message_frame(f"m{number}"))
    assert tell(session, message_frame(f"m{REMEMBERED_IDS}")) == []
    assert tell(session, message_frame("m1")) == []
    assert names(tell(session, message_frame("m0"))) == ["message"]


def test_many_messages_that_came_before() -> None:
    """Told together they are dropped as if they came one by one, the known among the new."""
    session = new_session()
    texts = [json.dumps(message_frame(f"m{number}")) for number in range(6)]
    for told, new in ((texts[:5], 5), (texts[:5], 0), (texts, 1)):
        events: list[Event] = []
        session.texts_received(told, events)
        assert len(events) == new
    assert session.cursor == "m5"


# Gaps


def test_history_gap_is_a_gap_and_no_error() -> None:
    """Its ids say from where to where."""
    session = new_session("old")
    tell(session, connected(lastId="m9", recovered=False))
    gap = RealtimeChannelGapEvent(since_id="old", resumed_from="m5", reason="history_gap")
    assert tell(session, history_gap("m5")) == [gap]
    assert session.cursor == "old", "the messages that follow move it"


def test_after_a_gap_with_nothing_left_the_cursor_is_the_newest_id() -> None:
    """Otherwise each reconnect would tell the same gap again."""
    session = new_session("old")
    tell(session, connected(lastId="m9", recovered=False))
    tell(session, history_gap(None))
    assert session.cursor == "m9"


def test_a_gap_in_mid_connection_keeps_a_newer_cursor() -> None:
    """The id that `connected` named is older than the messages since."""
    session = new_session()
    tell(session, connected(lastId="m1"))
    tell(session, message_frame("m2"))
    tell(session, history_gap(None))
    assert session.cursor == "m2"


def test_a_drop_before_any_message_is_a_possible_gap() -> None:
    """A service that knows no lastId cannot be asked what was missed, so the channel says so."""
    session = new_session()
    assert names(tell(session, connected())) == ["connected"]
    session.dialing()
    events = tell(session, connected())
    assert names(events) == ["connected", "gap"]
    assert events[1] == RealtimeChannelGapEvent(since_id=None, resumed_from=None, reason="no_cursor")
    assert names(tell(session, connected())) == ["connected"], "a second connected on one connection is no reconnect"


@pytest.mark.parametrize("fields", [{}, {"recovered": None}, {"recovered": True, "lastId": "m1"}])
def test_an_unknown_recovery_is_no_gap(fields: dict[str, Any]) -> None:
    """With a cursor, a service that says nothing of gaps is believed to have none."""
    session = new_session("m1")
    tell(session, connected())
    session.dialing()
    assert names(tell(session, connected(**fields))) == ["connected"]


def test_a_first_connection_has_no_gap() -> None:
    """An attempt that never went live has missed nothing."""
    session = new_session()
    session.dialing()
    assert names(tell(session, connected())) == ["connected"]


@pytest.mark.parametrize("frame", [history_gap(None), history_gap("m5")])
def test_a_gap_can_be_an_error(frame: dict[str, Any]) -> None:
    """With on_gap="raise" there is no event, but an error that names the id."""
    session = new_session("old", raise_on_gap=True)
    tell(session, connected())
    with pytest.raises(RealtimeGapError, match="after old may be missing") as caught:
        tell(session, frame)
    assert caught.value.code == "history_gap"


def test_a_possible_gap_can_be_an_error() -> None:
    """A caller who cannot afford a gap cannot afford a possible one."""
    session = new_session(raise_on_gap=True)
    tell(session, connected())
    session.dialing()
    with pytest.raises(RealtimeGapError, match="before the first one") as caught:
        tell(session, connected())
    assert caught.value.code == "no_cursor"


# Other frames


def test_other_errors_are_events() -> None:
    """A refused frame is told to the handlers, and the connection stays."""
    error = {"type": "error", "code": "forbidden", "message": "no"}
    assert tell(new_session(), error) == [RealtimeChannelError(code="forbidden", message="no")]


def test_an_expiring_token_is_noted_for_this_connection() -> None:
    """It is no event: the channel deals with it."""
    session = new_session()
    assert tell(session, {"type": "token_expiring", "expiresAt": "2026-11-24T10:30:00.000Z"}) == []
    assert session.token_expiring
    session.dialing()
    assert not session.token_expiring


@pytest.mark.parametrize("frame", [{"type": "pong"}, {"type": "newer"}])
def test_frames_without_news_are_ignored(frame: dict[str, Any]) -> None:
    """A newer service may send types that this version does not know."""
    assert tell(new_session(), frame) == []


@pytest.mark.parametrize(
    "text", ["null", "[]", "{", '"a"', "{}", '{"type": 5}', '{"type":"message"}', '{"type":"message","id":5}', "NaN"]
)
def test_drops_bad_frames_in_silence(text: str, caplog: pytest.LogCaptureFixture) -> None:
    """The official client does; this one logs what it cannot read, and goes on."""
    with caplog.at_level(logging.WARNING):
        assert tell_text(new_session(), text) == []
    assert "channel orders:eu: dropped a frame that cannot be read" in caplog.text


def test_a_logged_frame_shows_no_token(caplog: pytest.LogCaptureFixture) -> None:
    """Even a service that sends nonsense cannot get a secret into a log."""
    tell_text(new_session(), '{"type":"message","id":"m","channel":"c","event":"e","data":1,"publishedAt":"rtok_abc"}')
    assert "rtok_***" in caplog.text
    assert "rtok_abc" not in caplog.text


def test_messages_are_models() -> None:
    """Handlers get the contract's types."""
    [message] = tell(new_session(), message_frame("m1", {"a": [1, None]}))
    assert isinstance(message, RealtimeMessageSummary)
    assert (message.id, message.data, message.published_at.year) == ("m1", {"a": [1, None]}, 2026)
