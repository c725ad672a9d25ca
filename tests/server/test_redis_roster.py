"""Which changes of presence a node tells after it missed some: the pure roster, against all orders of events."""

from __future__ import annotations

from collections import deque

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voyant_cloud.models import RealtimePresenceAction as Action
from voyant_cloud.server.engine.redis_payload import PresenceChange
from voyant_cloud.server.engine.redis_roster import Reading, Roster

NOW = 2_000
CLIENTS = ("ann", "bob", "eve")


def change(number: int, action: Action, client: str, data: str = "1", ms: int = 1_000) -> PresenceChange:
    return PresenceChange(number, action, client, data, ms)


def entered(number: int, *clients: str, data: str = "1") -> list[PresenceChange]:
    """Members as a reading has them."""
    return [change(number, Action.ENTER, client, data) for client in clients]


def read(roster: Roster, number: int, *clients: str, data: str = "1", leaves: bool = True) -> list[PresenceChange]:
    """Do a reading during which nothing else happens, and return what is told after it."""
    roster.finish(roster.begin(), number, entered(number, *clients, data=data), at=NOW, leaves=leaves)
    return told_by(roster)


def told_by(roster: Roster) -> list[PresenceChange]:
    """All that there is to tell."""
    told = list(iter(roster.next_change, None))
    assert not roster.is_behind
    return told


@pytest.fixture
def roster() -> Roster:
    """One that was told of ann and bob."""
    roster = Roster()
    assert not roster.is_known
    assert read(roster, 5, "ann", "bob") == []
    assert roster.is_known
    return roster


def test_what_was_missed_is_told(roster: Roster) -> None:
    """Who left first, then what changed, and who entered, by the time that is known."""
    members = [*entered(9, "bob", data="2"), *entered(9, "eve")]
    roster.finish(roster.begin(), 9, members, at=NOW, leaves=True)
    assert told_by(roster) == [
        change(9, Action.LEAVE, "ann", ms=NOW),
        change(9, Action.UPDATE, "bob", "2", ms=NOW),
        change(9, Action.ENTER, "eve"),
    ]


def test_nothing_missed_is_nothing_told(roster: Roster) -> None:
    """What was heard of is known."""
    assert roster.take(change(6, Action.ENTER, "eve")) == change(6, Action.ENTER, "eve")
    assert roster.take(change(7, Action.LEAVE, "ann")) == change(7, Action.LEAVE, "ann")
    assert read(roster, 7, "bob", "eve") == []


def test_change_that_the_reading_knew_of_is_not_told_again(roster: Roster) -> None:
    """The answer was faster than pub/sub."""
    assert [each.client_id for each in read(roster, 6, "ann", "bob", "eve")] == ["eve"]
    assert roster.take(change(6, Action.ENTER, "eve")) is None


def test_change_that_is_newer_than_the_reading_stays(roster: Roster) -> None:
    """Pub/sub was faster than the answer."""
    reading = roster.begin()
    assert roster.take(change(6, Action.LEAVE, "ann")) is not None
    roster.finish(reading, 5, entered(5, "ann", "bob"), at=NOW, leaves=True)
    assert told_by(roster) == []
    assert read(roster, 6, "bob") == []


def test_newer_changes_wait_behind_what_is_to_be_told(roster: Roster) -> None:
    """Or a client would hear last what happened first; what comes to nothing is not told at all."""
    roster.finish(roster.begin(), 8, entered(8, "ann", "bob", "dan", "eve"), at=NOW, leaves=False)
    for number, (action, client, data) in enumerate(
        [(Action.UPDATE, "dan", "2"), (Action.LEAVE, "eve", "1"), (Action.LEAVE, "ann", "1")], 9
    ):
        assert roster.take(change(number, action, client, data)) is None
    assert [(each.action, each.client_id, each.data) for each in told_by(roster)] == [
        (Action.ENTER, "dan", "2"),
        (Action.LEAVE, "ann", "1"),
    ]


def test_who_is_missing_may_be_about_to_be_back(roster: Roster) -> None:
    """Nobody has left until a reading says so that may."""
    assert read(roster, 9, leaves=False) == []
    assert roster.take(change(10, Action.ENTER, "ann")) is not None
    assert read(roster, 10, "ann") == [change(10, Action.LEAVE, "bob", ms=NOW)]
    assert read(roster, 10, "ann") == []


def test_who_came_back_has_not_left(roster: Roster) -> None:
    """Also where a later reading misses them again."""
    roster.finish(roster.begin(), 8, entered(8, "ann", "bob", "eve"), at=NOW, leaves=False)
    roster.take(change(9, Action.LEAVE, "ann"))
    roster.take(change(10, Action.ENTER, "ann"))
    assert [each.client_id for each in read(roster, 11, "bob", leaves=False)] == []


def test_change_of_somebody_unknown_is_an_enter(roster: Roster) -> None:
    """Their enter was missed; whoever adds to a list at each enter must not miss them, too."""
    assert roster.take(change(9, Action.UPDATE, "eve", "2")) == change(9, Action.ENTER, "eve", "2")
    assert roster.take(change(10, Action.UPDATE, "eve", "3")) == change(10, Action.UPDATE, "eve", "3")


def test_answer_that_was_overtaken_is_none(roster: Roster) -> None:
    """Only the newest reading counts, whichever is answered first, and none from before a loss."""
    older, newer, lost = roster.begin(), roster.begin(), Roster()
    roster.finish(newer, 8, entered(8, "ann"), at=NOW, leaves=True)
    assert [each.client_id for each in told_by(roster)] == ["bob"]
    roster.finish(older, 7, entered(7, "eve"), at=NOW, leaves=True)
    assert told_by(roster) == []
    reading = lost.begin()
    lost.lose()
    lost.finish(reading, 8, [], at=NOW, leaves=True)
    assert not lost.is_known


def test_redis_that_counts_from_the_start_again_is_listened_to(roster: Roster) -> None:
    """After a loss small numbers are new."""
    assert roster.take(change(1, Action.ENTER, "eve")) is None
    roster.lose()
    assert roster.take(change(1, Action.ENTER, "eve")) is not None
    assert read(roster, 1, "ann", "bob", "eve") == []


@attrs.define
class World:
    """Redis, a node that follows one channel there, and a client of the node that keeps a list of who is present."""

    number: int = 0
    members: dict[str, str] = attrs.field(factory=dict)
    wire: deque[PresenceChange] = attrs.field(factory=deque)
    roster: Roster = attrs.field(factory=Roster)
    asked: deque[tuple[Reading, bool]] = attrs.field(factory=deque)
    answers: deque[tuple[Reading, bool, int, list[PresenceChange]]] = attrs.field(factory=deque)
    connected: bool = True
    happened: list[PresenceChange] = attrs.field(factory=list)
    told: list[PresenceChange] = attrs.field(factory=list)
    view: dict[str, str] | None = None

    def happen(self, client: str, data: str | None) -> None:
        """A client enters, changes its data, or leaves; with nothing to change it does not."""
        if self.members.get(client) == data:
            return
        self.number += 1
        action = Action.LEAVE if data is None else Action.UPDATE if client in self.members else Action.ENTER
        news = change(self.number, action, client, data or self.members[client])
        follow(self.members, news)
        self.happened.append(news)
        if self.connected:
            self.wire.append(news)

    def hear(self) -> None:
        """The node hears of the oldest change that is on its way."""
        if self.wire and (news := self.roster.take(self.wire.popleft())):
            self.tell(news)

    def tell(self, news: PresenceChange) -> None:
        """The client is told."""
        self.told.append(news)
        if self.view is not None:
            assert news.action is not Action.UPDATE or news.client_id in self.view
            follow(self.view, news)

    def tell_next(self) -> None:
        """The node tells one thing that it missed."""
        if news := self.roster.next_change():
            self.tell(news)

    def cut(self) -> None:
        """Pub/sub is lost, and what is on its way."""
        self.connected = False
        self.wire.clear()

    def flush(self) -> None:
        """Redis loses all that it had, which the node knows before it hears of anything else."""
        self.members.clear()
        self.number = 0
        self.answers.clear()
        self.cut()

    def reconnect(self) -> None:
        """Pub/sub is back, which the node knows."""
        if not self.connected:
            self.connected = True
            self.roster.lose()
            self.ask(leaves=False)

    def ask(self, *, leaves: bool = True) -> None:
        """The node asks who is present."""
        self.asked.append((self.roster.begin(), leaves))

    def answer(self) -> None:
        """Redis answers the oldest question."""
        if self.asked:
            members = [change(self.number, Action.ENTER, *each) for each in self.members.items()]
            self.answers.append((*self.asked.popleft(), self.number, members))

    def read(self) -> None:
        """The oldest answer comes to the node; the client is there from the first that counts on."""
        if not self.answers:
            return
        reading, leaves, number, members = self.answers.popleft()
        heard = [each for each in reading.meanwhile if each.number > number]
        self.roster.finish(reading, number, members, at=NOW, leaves=leaves)
        if self.view is None and self.roster.is_known:
            self.view = {each.client_id: each.data for each in members}
            for each in heard:
                follow(self.view, each)
            newest = max([number, *(each.number for each in heard)])
            self.happened = [each for each in self.happened if each.number > newest]
            self.told.clear()

    def come_to_rest(self) -> None:
        """All that is on its way arrives, and after a while who is missing has left."""
        self.reconnect()
        self.settle()
        self.ask()
        self.settle()

    def settle(self) -> None:
        while self.asked or self.answers:
            self.answer()
            self.read()
        while self.wire:
            self.hear()
        while self.roster.is_behind:
            self.tell_next()


def follow(members: dict[str, str], news: PresenceChange) -> None:
    """Do to a list of members what a client does that is told of a change."""
    if news.action is Action.LEAVE:
        members.pop(news.client_id, None)
    else:
        members[news.client_id] = news.data


HAPPENS = st.tuples(st.just("happen"), st.sampled_from(CLIENTS), st.sampled_from(["1", "2", None]))
MOVES = st.sampled_from([("hear",), ("answer",), ("read",), ("tell_next",)])
TROUBLE = st.sampled_from([("cut",), ("reconnect",), ("ask",), ("flush",)])


def played(moves: list[tuple[str, ...]]) -> World:
    """A world in which all this has happened, and come to rest."""
    world = World()
    world.ask()
    for name, *arguments in moves:
        getattr(world, name)(*arguments)
    world.come_to_rest()
    return world


@given(st.lists(st.one_of(HAPPENS, MOVES), max_size=60))
def test_without_a_loss_each_change_is_told_once(moves: list[tuple[str, ...]]) -> None:
    """Whenever the first reading is answered: what it does not know of is told, in order, and nothing else."""
    world = played(moves)
    assert world.told == world.happened


@given(st.lists(st.one_of(HAPPENS, MOVES, TROUBLE), max_size=80))
def test_after_any_losses_the_client_knows_who_is_there(moves: list[tuple[str, ...]]) -> None:
    """Whatever was lost, in whichever order answers and changes come; nobody changes who has not entered."""
    world = played(moves)
    assert world.view == world.members
