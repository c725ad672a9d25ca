"""``python -m benchmarks.store``: take the last runs as the stored ones; draw them, and write the README's table."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.__main__ import BASELINE, HERE, LATEST, ROWS
from benchmarks.plots import draw_growth, draw_ratios
from benchmarks.report import read, summary, write_json

__all__ = ["README", "merge", "with_table"]

GROWTH = HERE / "growth.json"
PLOTS = HERE / "plots"
README = HERE.parent / "README.md"
MARKS = ("<!-- what make bench measured -->", "<!-- and no more of it -->")


def main() -> None:
    """Store what the last runs have measured; what they left out stays as it was."""
    PLOTS.mkdir(exist_ok=True)
    if LATEST.exists():
        merge(LATEST, BASELINE, "rows")
    if LATEST.with_name(GROWTH.name).exists():
        merge(LATEST.with_name(GROWTH.name), GROWTH, "series")
    README.write_text(with_table(README.read_text()))
    ratios = {name: row["ratio"] for name, row in read(BASELINE)["rows"].items()}
    draw_ratios(ROWS, ratios, PLOTS / "ratios.svg")
    draw_growth(read(GROWTH)["series"], PLOTS)


def with_table(text: str) -> str:
    """Return the README's text with the table of what is stored in its place."""
    stored = read(BASELINE)
    begin, end = (text.index(mark) for mark in MARKS)
    content = f"{summary(ROWS, stored)}\n\nMeasured on {stored['machine']}."
    return f"{text[:begin]}{MARKS[0]}\n{content}\n{text[end:]}"


def merge(run: Path, stored: Path, part: str) -> None:
    """Put what a run has measured in the place of what is stored.

    Args:
        run: the file of the run.
        stored: the file to change; made if there is none.
        part: what both hold by name.
    """
    if not stored.exists():
        shutil.copyfile(run, stored)
        return
    before, now = read(stored), read(run)
    write_json({**now, part: {**before[part], **now[part]}}, stored)


if __name__ == "__main__":
    main()
