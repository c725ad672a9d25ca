"""Plots of stored runs, as SVG; the same figures give the same file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measure import MissingError, Row

__all__ = ["draw_growth", "draw_ratios"]

# Text stays text, which a browser sets in a font of its own: the files are small, and can be searched.
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "voyant-cloud",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
# Above the axes, where it hides nothing.
_LEGEND: Any = {"frameon": False, "fontsize": 8, "ncols": 2}
_PLAIN = "{x:,g}"
_GOOD, _POOR = "#2a7f62", "#b5472f"


def draw_growth(grown: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    """Draw each series of ``benchmarks.growth`` into *folder*, as ``<name>.svg``.

    Raises:
        MissingError: there is no matplotlib.
    """
    for name, series in grown.items():
        with _figure(folder / f"{name}.svg", (7.0, 4.2)) as axes:
            for curve, costs in series["curves"].items():
                axes.loglog(series["points"], costs, marker="o", markersize=4, label=curve)
            axes.set_xlabel(series["grows"])
            axes.set_ylabel("microseconds of processor time")
            axes.set_xticks(series["points"], [f"{point:,}" for point in series["points"]])
            axes.yaxis.set_major_formatter(_PLAIN)
            axes.minorticks_off()
            axes.grid(alpha=0.3)
            axes.legend(**_LEGEND, loc="lower left", bbox_to_anchor=(0, 1))


def draw_ratios(rows: Sequence[Row], ratios: Mapping[str, float], path: Path) -> None:
    """Draw how far each row is from its floor, which is 1; further right is better, of costs, too.

    Args:
        rows: all that there are; those without a floor or without a ratio are left out.
        ratios: the measured ones by the row's name.
        path: where to.

    Raises:
        MissingError: there is no matplotlib.
    """
    shown = [row for row in rows if row.floor is not None and row.name in ratios][::-1]
    reached = [_beyond_floor(row, ratios[row.name]) for row in shown]
    with _figure(path, (7.0, 0.9 + 0.3 * len(shown))) as axes:
        axes.barh(
            [f"{row.name}  {ratios[row.name]:.2f}" for row in shown],
            [each - 1 for each in reached],
            left=1,
            color=[_GOOD if each >= 1 else _POOR for each in reached],
            height=0.6,
        )
        goals = [_beyond_floor(row, row.goal or row.floor or 1) for row in shown]
        axes.plot(goals, range(len(shown)), "D", color="black", markersize=4, label="goal")
        axes.axvline(1, color="black", linewidth=1, label="floor")
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(_PLAIN)
        axes.set_xlabel("ratio / floor, and for costs floor / ratio")
        axes.legend(**_LEGEND, loc="lower right", bbox_to_anchor=(1, 1))


def _beyond_floor(row: Row, ratio: float) -> float:
    assert row.floor is not None
    return row.floor / ratio if row.is_cost else ratio / row.floor


@contextmanager
def _figure(path: Path, inches: tuple[float, float]) -> Iterator[Any]:
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingError('needs matplotlib: pip install "voyant-cloud[bench]"') from None
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=inches, layout="constrained")
        yield figure.add_subplot()
        # No date and no version: a file changes with its figures alone.
        figure.savefig(path, metadata={"Date": None, "Creator": None})
