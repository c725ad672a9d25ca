"""``python -m benchmarks.store``: take the last runs as the stored ones; draw them, and write the README's table."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.__main__ import BASELINE, HERE, LATEST, ROWS
from benchmarks.engine_tables import engines_table, faults_table
from benchmarks.plots import draw_growth, draw_ratios
from benchmarks.report import read, summary, write_json

__all__ = ["PAGES", "merge", "with_tables"]

ENGINES = HERE / "engines.json"
GROWTH = HERE / "growth.json"
REDIS = HERE / "redis_work.json"
PLOTS = HERE / "plots"
PAGES = tuple(HERE.parent / name for name in ("README.md", "docs/growth.md", "docs/operating.md"))
END = "<!-- and no more of it -->"


def main() -> None:
    """Store what the last runs have measured; what they left out stays as it was."""
    PLOTS.mkdir(exist_ok=True)
    for stored, part in ((BASELINE, "rows"), (GROWTH, "series"), (ENGINES, "engines"), (REDIS, "work")):
        run = LATEST if stored == BASELINE else LATEST.with_name(stored.name)
        if run.exists():
            merge(run, stored, part)
    for page in PAGES:
        page.write_text(with_tables(page.read_text()))
    ratios = {name: row["ratio"] for name, row in read(BASELINE)["rows"].items()}
    draw_ratios(ROWS, ratios, PLOTS / "ratios.svg")
    draw_growth(read(GROWTH)["series"], PLOTS)


def with_tables(text: str) -> str:
    """Return a page's text with the tables of what is stored in their places."""
    for told, content in _tables().items():
        mark = f"<!-- what {told} -->"
        if mark in text:
            before, _, rest = text.partition(mark)
            text = f"{before}{mark}\n{content}\n{rest[rest.index(END) :]}"
    return text


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


def _tables() -> dict[str, str]:
    rows, engines = read(BASELINE), read(ENGINES)
    return {
        "make bench measured": f"{summary(ROWS, rows)}\n\nMeasured on {rows['machine']}.",
        "make bench-engines measured of engines": engines_table(engines["engines"]),
        "make bench-engines measured of faults": faults_table(engines["faults"]),
    }


if __name__ == "__main__":
    main()
