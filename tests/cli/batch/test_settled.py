"""Ranges of settled records: they hold what was added, in few ranges, and notice an input that changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voyant_cloud.cli.batch.settled import ChangedInputError, Passing, Settled

NUMBERS = st.permutations(range(1, 40)).flatmap(lambda order: st.integers(0, 39).map(lambda count: order[:count]))


def digest(number: int) -> int:
    return number * 2_654_435_761 % 2**32


def settled_of(numbers: list[int]) -> Settled:
    settled = Settled()
    for number in numbers:
        settled.add(number, digest(number))
    return settled


@given(NUMBERS)
def test_holds_what_was_added_in_whatever_order(numbers: list[int]) -> None:
    """The ranges cover the numbers that were added, are in order, and do not touch."""
    settled = settled_of(numbers)
    covered = [number for first, last, _ in settled.ranges for number in range(first, last + 1)]
    assert covered == sorted(numbers)
    assert len(settled) == len(numbers)
    assert settled.last == max(numbers, default=0)
    assert all(one[1] + 1 < two[0] for one, two in zip(settled.ranges, settled.ranges[1:], strict=False))


@given(NUMBERS)
def test_a_file_brings_it_back(numbers: list[int]) -> None:
    """What is read from its ranges is the same set, and takes more."""
    settled = Settled(settled_of(numbers).ranges)
    assert settled.ranges == settled_of(sorted(numbers)).ranges
    settled.add(100, digest(100))
    assert settled.last == 100


@given(NUMBERS)
def test_passing_over_the_same_input(numbers: list[int]) -> None:
    """A second reading passes over just those records."""
    passing = settled_of(numbers).passing()
    passed = [number for number in range(1, 50) if passing.is_settled(number, digest(number))]
    assert passed == sorted(numbers)
    assert passing.is_done


@given(NUMBERS.filter(bool), st.data())
def test_a_changed_record_is_noticed(numbers: list[int], data: st.DataObject) -> None:
    """One settled record that reads otherwise raises, at the end of its range at the latest."""
    changed = data.draw(st.sampled_from(numbers))
    passing = settled_of(numbers).passing()
    with pytest.raises(ChangedInputError):
        pass_over(passing, changed)


def pass_over(passing: Passing, changed: int) -> None:
    for number in range(1, 50):
        passing.is_settled(number, digest(number) ^ (number == changed))


def test_an_input_that_became_shorter_is_noticed() -> None:
    """Passing is not done while settled records are missing."""
    passing = settled_of([1, 2, 3, 7]).passing()
    assert [passing.is_settled(number, digest(number)) for number in range(1, 5)] == [True, True, True, False]
    assert not passing.is_done
