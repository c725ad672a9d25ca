"""The fast way to a batch's messages: what it takes is what the models make of it, and the rest it leaves to them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voyant_cloud import jsontext
from voyant_cloud.converter import structure
from voyant_cloud.errors import VoyantError
from voyant_cloud.fast_check import FastCheck
from voyant_cloud.models import PublishRealtimeBatchInput, PublishRealtimeMessageInput
from voyant_cloud.realtime.frames import decode_client_frame
from voyant_cloud.realtime.written import Writer, body_of
from voyant_cloud.server import fast_batch
from voyant_cloud.server.engine.base import NewMessage
from voyant_cloud.server.fast_batch import read_batch, read_publish, read_written_batch
from voyant_cloud.server.limits import Limits

GOOD = {"channel": "orders:eu", "event": "order.updated", "data": {"total": 129.5}}
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=8,
)
ITEMS = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {},
        optional={
            "channel": st.one_of(st.just("a"), st.just(".."), VALUES),
            "event": st.one_of(st.just("e"), st.just(""), VALUES),
            "data": VALUES,
        },
    ),
)


@given(st.one_of(VALUES, st.fixed_dictionaries({"messages": st.one_of(VALUES, st.lists(ITEMS, max_size=3))})))
def test_what_it_takes(body: Any) -> None:
    """Whatever it takes, the models take, with the same messages."""
    messages = read_batch(body, Limits())
    if messages is not None:
        given = structure(body, PublishRealtimeBatchInput).messages
        assert messages == [NewMessage(each.channel, each.event, jsontext.dumps(each.data)) for each in given]


def whole(items: list[Any]) -> bytes:
    """Write a batch as the client would, whatever is in it."""
    return json.dumps({"messages": items}, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


@given(st.lists(ITEMS, max_size=3))
def test_what_it_takes_as_it_was_written(items: list[Any]) -> None:
    """Whatever it takes unread, the models take, with data that means the same."""
    messages = read_written_batch(whole(items), Limits())
    if messages is not None:
        given = structure(jsontext.loads(whole(items)), PublishRealtimeBatchInput).messages
        assert [(each.channel, each.event) for each in messages] == [(each.channel, each.event) for each in given]
        assert [jsontext.loads(each.data) for each in messages] == [each.data for each in given]


@given(st.text(), VALUES)
def test_what_the_client_wrote(event: str, data: Any) -> None:
    """What the client writes is stored to the letter, where it is not left to the models."""
    text = Writer().write_usual({"channel": "a", "event": event, "data": data})
    if text is not None:
        messages = read_written_batch(body_of([text.text] * 2), Limits())
        assert messages in (None, [NewMessage("a", event, jsontext.dumps(data))] * 2)


def test_a_batch_as_it_was_written() -> None:
    """Messages within messages, of several channels and with escapes, come apart where they should."""
    events = ["e", 'say "hi"', "line\n", "ü"]
    items = [{"channel": f"c{n % 3}", "event": events[n % 4], "data": [{"n": n}, "},{"]} for n in range(100)]
    messages = read_written_batch(whole(items), Limits())
    expected = [NewMessage(each["channel"], each["event"], jsontext.dumps(each["data"])) for each in items]
    assert messages == expected


@pytest.mark.parametrize(
    "items",
    [
        [],
        [GOOD] * 101,
        [{**GOOD, "data": [GOOD, GOOD]}],
        [{**GOOD, "data": [GOOD, GOOD]}, {"event": "e", "channel": "a", "data": 1}],
        [{"channel": "orders:eu", "data": 1, "event": "order.updated"}],
        [{"channel": "a", "event": "e"}],
        [{**GOOD, "more": 1}],
        [GOOD, {**GOOD, "channel": "a b"}],
        [GOOD, {**GOOD, "channel": ["a"]}],
        [{**GOOD, "event": "e" * 201}],
        [{**GOOD, "data": "x" * 65_535}],
        [{**GOOD, "data": "ü" * 40_000}],
        [{**GOOD, "data": json.loads("[" * 65 + "]" * 65)}],
        [{**GOOD, "data": "\ud800"}],
        [GOOD, 1],
        ["channel", "event", "data"],
    ],
    ids=lambda items: str(items)[:40],
)
def test_what_it_leaves_that_was_written(items: list[Any]) -> None:
    """So is what stands in another order, has other keys, or breaks a limit."""
    assert read_written_batch(whole(items), Limits()) is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"messages":[{"channel":"a","event":"e","data":{"a":1,"a":2}}]}',
        b'{"messages":[{"channel":"a","event":"e","data":1e400}]}',
        b'{"messages":[{"channel":"a","event":"e","data":"\\ud800"}]}',
        b'{"messages":[{"channel":"a","event":"\\u0065","data":1}]}',
        b'{"messages":[{"channel":"a","event":"e","data":1}],"more":1}',
        b'{"messages":[{"channel":"a","event":"e","data": 1}]}',
        b'{"messages":[{"channel":"a","event":"e","data":1}]} ',
        b'{"messages":[{"channel":"a","event":"e","data":1}',
        b'{"messages":[{"channel":"a","event":"e","data":"\xff"}]}',
        b'{"messages":{"channel":"a"}}',
    ],
)
def test_bodies_that_it_leaves(body: bytes) -> None:
    """So is all that a strict parser would refuse, or that is not written as the client does."""
    assert read_written_batch(body, Limits()) is None


def test_heads_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """So is an event that the parser here would write in another way than the one there."""
    monkeypatch.setattr(fast_batch, "read_written", jsontext.loads)
    assert read_written_batch(b'{"messages":[{"channel":"a","event":"\\u0065","data":1}]}', Limits()) is None


def test_a_usual_batch() -> None:
    """It takes up to as many messages as the limit says, with data or without."""
    without = {"channel": "a", "event": "e"}
    messages = read_batch({"messages": [GOOD] * 99 + [without]}, Limits())
    assert messages is not None
    assert messages[0] == NewMessage("orders:eu", "order.updated", '{"total":129.5}')
    assert messages[99] == NewMessage("a", "e", "null")


@pytest.mark.parametrize(
    ("items", "limits"),
    [
        ([], Limits()),
        ([GOOD] * 101, Limits()),
        ([GOOD] * 3, Limits(batch_messages=2)),
        ([{**GOOD, "data": "x" * 65_535}], Limits()),
        ([{**GOOD, "data": "ü" * 40_000}], Limits()),
        ([{**GOOD, "data": "x" * 10}], Limits(message_bytes=11)),
        ([GOOD, {**GOOD, "channel": "a b"}], Limits()),
        ([{**GOOD, "event": "e" * 201}], Limits()),
        ([{**GOOD, "event": "\ud800"}], Limits()),
        ([{**GOOD, "channel": ["a"]}], Limits()),
    ],
)
def test_what_it_leaves(items: list[Any], limits: Limits) -> None:
    """What breaks a limit, the contract's or the server's own, is for the models to refuse in words."""
    assert read_batch({"messages": items}, limits) is None


@pytest.mark.parametrize("size", [65_534, 32_767])
def test_the_largest_data(size: int) -> None:
    """To the last byte, whatever the characters take."""
    letter = "x" if size > 40_000 else "ü"
    items = [{**GOOD, "data": letter * size}]
    messages = read_batch({"messages": items}, Limits())
    assert messages is not None
    assert len(messages[0].data.encode()) == 65_536
    assert read_written_batch(whole(items), Limits()) == messages


CHECK = FastCheck(PublishRealtimeMessageInput)


def by_the_models(text: str) -> tuple[str, Any] | None:
    """The event and the data of a frame that publishes, as the models read it; ``None`` where it does not publish."""
    try:
        frame = decode_client_frame(text)
    except VoyantError:
        return None
    return (frame.event, frame.data) if isinstance(frame, PublishRealtimeMessageInput) else None


def check_publish(text: str) -> NewMessage | None:
    """Read a frame; whatever is taken, the models take, too, and it is the same."""
    taken = read_publish(text, "a", CHECK)
    if taken is not None:
        found = by_the_models(text)
        assert found is not None
        # By repr: 1 == 1.0 == True.
        assert (taken.event, repr(jsontext.loads(taken.data))) == (found[0], repr(found[1]))
    return taken


@given(st.text(max_size=5), VALUES, st.booleans(), st.sampled_from([None, 1]), st.text(max_size=2))
def test_any_publish(event: str, data: Any, is_ascii: bool, indent: int | None, more: str) -> None:
    """With spaces, escapes, numbers that are none, and something behind it."""
    separators = None if indent else (",", ":")
    frame = {"type": "publish", "event": event, "data": data}
    check_publish(json.dumps(frame, ensure_ascii=is_ascii, indent=indent, separators=separators) + more)


def test_a_usual_publish() -> None:
    """Its data is carried on as it was written."""
    data = '{"total":1.5,"n":[100.0,-1,"\u00fc\\n\\"",null]}'
    text = f'{{"type":"publish","event":"\u00e4\\"","data":{data}}}'
    assert check_publish(text) == NewMessage("a", '\u00e4"', data)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"type":"publish","event":"e"}',
        '{"type":"publish","event":"e","data":1',
        '{"type":"publish","event":"e","data":1} ',
        '{"type":"publish","event":"e","data": 1}',
        '{"type":"publish","event":"e","data":1.50}',
        '{"type":"publish","event":"\\u0065","data":1}',
        '{"type":"publish","event":"e","more":1,"data":1}',
        '{"type":"publish","event":"e","data":1,"data":2}',
        '{"type":"publish","event":"e","data":1}}',
        '{"type":"publish","event":"","data":1}',
        '{"type":"publish","event":5,"data":1}',
        '{"type":"publish","event":["e"],"data":1}',
        '{"type":"publish","event":"' + "e" * 201 + '","data":1}',
        '{"type":"publish","event":"e","data":NaN}',
        '{"type":"publish","event":"e","data":1e400}',
        '{"type":"publish","event":"e","data":' + "9" * 5000 + "}",
        '{"type":"publish","event":"e","data":{"a":1,"a":2}}',
        '{"type":"publish","event":"e","data":"\\ud800"}',
        '{"type":"publish","event":"\\ud800","data":1}',
        '{"type":"publish","event":"e","data":' + "[" * 65 + "]" * 65 + "}",
        '{"type":"publish","event":"e","data":' + "[" * 50_000 + "}",
        '{"type":"publish","event":"e","data":"' + "x" * 65_535 + '"}',
        '{"type":"publish","event":"e","data":"a\nb"}',
        '{"type":"presence","action":"leave"}',
    ],
)
def test_an_unusual_publish(text: str) -> None:
    """Left to the models, whatever they say to it."""
    assert check_publish(text) is None
