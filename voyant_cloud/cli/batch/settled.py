"""Which records of an input are dealt with for good, as ranges; pure."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence

__all__ = ["ChangedInputError", "Passing", "Settled"]


class ChangedInputError(Exception):
    """Records that were settled are not what they were.

    Attributes:
        number: the last record of the range in which one differs.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(number)


class Settled:
    """A set of record numbers, kept as ranges, each with a checksum over its records.

    Records settle nearly in order, so there are few ranges however many records there are. A range's checksum does not
    depend on the order in which its records settled.

    Args:
        ranges: what ``ranges`` gave: first number, last number and checksum of each, in order.
    """

    def __init__(self, ranges: Iterable[Sequence[int]] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        self._digests: list[int] = []
        for first, last, digest in ranges:
            self._firsts.append(first)
            self._lasts.append(last)
            self._digests.append(digest)

    @property
    def ranges(self) -> list[list[int]]:
        """First number, last number and checksum of each range, in order."""
        return [list(row) for row in zip(self._firsts, self._lasts, self._digests, strict=True)]

    @property
    def last(self) -> int:
        """The largest number, 0 where there is none."""
        return self._lasts[-1] if self._lasts else 0

    def __len__(self) -> int:
        return sum(self._lasts) - sum(self._firsts) + len(self._firsts)

    def add(self, number: int, digest: int) -> None:
        """Add a record that is not in it yet.

        Args:
            number: counts records from 1.
            digest: the record's checksum.
        """
        place = bisect.bisect_right(self._firsts, number)
        joins_left = place > 0 and self._lasts[place - 1] == number - 1
        joins_right = place < len(self._firsts) and self._firsts[place] == number + 1
        if joins_left:
            self._lasts[place - 1] = number
            self._digests[place - 1] ^= digest
            if joins_right:
                self._lasts[place - 1] = self._lasts[place]
                self._digests[place - 1] ^= self._digests[place]
                self._remove(place)
        elif joins_right:
            self._firsts[place] = number
            self._digests[place] ^= digest
        else:
            self._firsts.insert(place, number)
            self._lasts.insert(place, number)
            self._digests.insert(place, digest)

    def passing(self) -> Passing:
        """Begin to pass over the records of another reading of the same input."""
        return Passing(self.ranges)

    def _remove(self, place: int) -> None:
        for column in (self._firsts, self._lasts, self._digests):
            del column[place]


class Passing:
    """Passes over settled records while an input is read anew, and sees whether they are still the same.

    Args:
        ranges: what ``Settled.ranges`` gave.
    """

    def __init__(self, ranges: list[list[int]]) -> None:
        self._ranges = ranges[::-1]
        self._digest = 0

    def is_settled(self, number: int, digest: int) -> bool:
        """Tell whether a record is settled. Every record has to be asked for, in order, until that is done.

        Raises:
            ChangedInputError: the records of the range that ends here are not those which settled.
        """
        if not self._ranges or number < self._ranges[-1][0]:
            return False
        _, last, expected = self._ranges[-1]
        self._digest ^= digest
        if number == last:
            self._ranges.pop()
            if self._digest != expected:
                raise ChangedInputError(number)
            self._digest = 0
        return True

    @property
    def is_done(self) -> bool:
        """Whether every settled record was met."""
        return not self._ranges
