"""``python -m benchmarks``: measure the rows, print the table, store the results with a plot."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import channels, fan_out, latency, memory, publish, python_clients, receive, replay, startup, storage
from benchmarks.measure import MissingError, Result, Row, measure
from benchmarks.plots import draw_ratios
from benchmarks.report import comparison, machine, read, table, write

HERE = Path(__file__).parent
LATEST = HERE / "results" / "latest.json"
BASELINE = HERE / "baseline.json"
ROWS: list[Row] = [
    *receive.ROWS,
    *python_clients.ROWS,
    *publish.ROWS,
    *fan_out.ROWS,
    *latency.ROWS,
    *memory.ROWS,
    *replay.ROWS,
    *channels.ROWS,
    *storage.ROWS,
    *startup.ROWS,
]


def main() -> int:
    """Measure what was asked for, or compare the last run with the stored one."""
    arguments = _arguments()
    if arguments.compare:
        print(comparison(read(BASELINE), read(LATEST)))
        return 0
    rows = [row for row in ROWS if not arguments.rows or row.name in arguments.rows]
    results: list[Result] = []
    print(f"{machine()}; medians of {arguments.turns} turns, or fewer where they are long\n")
    for row in rows:
        print(f"{row.name} ...", file=sys.stderr)
        try:
            results.append(measure(row, arguments.turns))
            print(table(results[-1:]).splitlines()[-1], file=sys.stderr)
        except MissingError as missing:
            print(f"{row.name}: left out, {missing}", file=sys.stderr)
    print(table(results))
    LATEST.parent.mkdir(exist_ok=True)
    write(results, LATEST)
    try:
        draw_ratios(ROWS, {result.row.name: result.ratio for result in results}, LATEST.with_name("ratios.svg"))
    except MissingError as missing:
        print(f"no plot: {missing}", file=sys.stderr)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"one of {', '.join(row.name for row in ROWS)}; or all")
    parser.add_argument("--turns", type=int, default=7, help="how often each is measured")
    parser.add_argument("--compare", action="store_true", help="compare the last run with the stored one")
    arguments = parser.parse_args()
    unknown = set(arguments.rows) - {row.name for row in ROWS}
    if unknown:
        parser.error(f"there is no row {', '.join(sorted(unknown))}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
