"""The numbers behind the metrics."""

from __future__ import annotations

from voyant_cloud.server.tally import OTHER, Histogram, Tally


def test_a_value_is_in_every_bucket_from_its_bound_on() -> None:
    """Buckets add up, a bound belongs to its bucket, and what is over all of them is in the last."""
    histogram = Histogram((0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 7.0):
        histogram.observe(value)
    assert histogram.buckets() == [("0.1", 2), ("1.0", 3), ("+Inf", 4)]
    assert histogram.sum == 7.65


def test_a_clock_behind_counts_as_no_time() -> None:
    """A message from a machine whose clock is ahead does not make the sum go back."""
    tally = Tally(lambda: 100.0)
    tally.fanned_out(3, 5, 101_000)
    tally.fanned_out(1, 5, 99_500)
    assert tally.live == 20
    assert tally.delivery.sum == 0.5


def test_no_peer_makes_up_labels() -> None:
    """Codes that are not the server's own are counted together."""
    tally = Tally(lambda: 0.0)
    labels = len(tally.closes), len(tally.refusals)
    for code in (4_999, 3_000, None, 1000):
        tally.closed(code)
    for name in ("anything", "forbidden"):
        tally.refused("http", name)
    assert (tally.closes[OTHER], tally.closes["1000"]) == (3, 1)
    assert (tally.refusals["http", OTHER], tally.refusals["http", "forbidden"]) == (1, 1)
    assert (len(tally.closes), len(tally.refusals)) == labels
