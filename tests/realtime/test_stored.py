"""Answers to a batch: what the fast way says of one is what the models say, and refused in their words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voyant_cloud.envelope import Answer, read_data
from voyant_cloud.errors import VoyantDecodeError
from voyant_cloud.models import RealtimeMessageSummary
from voyant_cloud.realtime import stored
from voyant_cloud.realtime.stored import Stored, read_stored

GOOD = {"id": "rtm_1", "channel": "a", "event": "e", "data": None, "publishedAt": "2026-11-24T09:30:00.000Z"}
VALUES = st.one_of(st.none(), st.integers(), st.text(max_size=3), st.lists(st.integers(), max_size=2))
ITEMS = st.one_of(
    VALUES,
    st.just(GOOD),
    st.builds(lambda more: {**GOOD, **more}, st.dictionaries(st.sampled_from([*GOOD, "more"]), VALUES)),
    st.sampled_from([{name: GOOD[name] for name in GOOD if name != missing} for missing in GOOD]),
)
BODIES = st.one_of(VALUES, st.lists(ITEMS, max_size=3), st.fixed_dictionaries({"data": st.lists(ITEMS, max_size=3)}))


def answer(body: Any) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(200, {"x-request-id": "req_1"}, content, "POST /realtime/v1/messages")


def by_models(given: Answer) -> Any:
    messages = read_data(given, list[RealtimeMessageSummary])
    return Stored(len(messages), {message.channel: message.id for message in messages})


def outcome(read: Any, given: Answer) -> Any:
    try:
        return read(given)
    except VoyantDecodeError as error:
        return str(error)


@given(BODIES)
def test_any_answer(body: Any) -> None:
    """Whatever is answered, it says what the models say."""
    assert outcome(read_stored, answer(body)) == outcome(by_models, answer(body))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        b'{"data":[',
        {"data": [], "id": "1"},
        {"data": [GOOD], "more": 1},
        {"data": [{**GOOD, "id": "\ud800"}]},
        {"data": [{**GOOD, "publishedAt": "2026-11-24T09:30:00"}]},
        {"data": [{**GOOD, "publishedAt": "yesterday"}]},
        {"data": [{**GOOD, "event": "ü"}]},
    ],
    ids=lambda body: str(body)[:40],
)
def test_odd_answers(body: Any) -> None:
    """So it does with what is nearly right."""
    assert outcome(read_stored, answer(body)) == outcome(by_models, answer(body))


def test_the_newest_of_each_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how many there are, and the last of each channel, without the models where all is as usual."""
    monkeypatch.setattr(stored, "read_data", None)
    items = [{**GOOD, "id": f"rtm_{number}", "channel": "ab"[number % 2]} for number in range(4)]
    assert read_stored(answer({"data": items})) == Stored(4, {"a": "rtm_2", "b": "rtm_3"})


def test_models_of_another_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the contract says more of a message, the models read it."""
    monkeypatch.setattr(stored, "IS_KNOWN", False)
    monkeypatch.setattr(stored, "_read_usual", None)
    assert read_stored(answer({"data": [GOOD]})) == Stored(1, {"a": "rtm_1"})
