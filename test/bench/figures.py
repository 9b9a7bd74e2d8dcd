# SPDX-License-Identifier: MIT
"""Figures, and the table that they make."""
import dataclasses
import statistics


def quartiles(values):
    """Of one value, itself."""
    if len(values) < 2:
        return values[0], values[0]
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, third


@dataclasses.dataclass
class Figure:
    """Something measured, and what it is compared with.

    Each has a list with a value of every round; the two values of a round
    were measured by turns, so that what disturbs the machine disturbs both.
    """
    what: str
    unit: str
    values: list
    beside: str                 # the name of what it is compared with
    beside_values: list
    at_most: float = None       # the target: of the ratio,
    at_most_itself: bool = False    # or of the value itself

    def value(self):
        return statistics.median(self.values)

    def beside_value(self):
        return statistics.median(self.beside_values)

    def ratios(self):
        """One of each round; none if there is nothing to divide by."""
        if not all(value > 0 for value in self.beside_values):
            return []
        return [value / beside for value, beside
                in zip(self.values, self.beside_values, strict=True)]

    def ratio(self):
        return statistics.median(self.ratios()) if self.ratios() else None

    def is_over(self):
        if self.at_most is None:
            return False
        judged = self.value() if self.at_most_itself else self.ratio()
        return judged is not None and judged > self.at_most


def number(value):
    """Three digits that count, or all before the point."""
    if value is None:
        return "-"
    for least, places in ((100, 0), (10, 1), (0.1, 2)):
        if abs(value) >= least:
            return f"{value:.{places}f}"
    return f"{value:.3f}" if value else "0"


class Table:
    """Prints figures as they come, and keeps them for a file."""

    COLUMNS = ("case", "where", "what", "unit", "value", "beside",
               "beside_value", "ratio", "ratio_q1", "ratio_q3", "at_most",
               "rounds")

    def __init__(self):
        self.rows = []
        self.notes = []
        self.over = 0
        self.case = self.where = None

    def note(self, text):
        self.notes.append(text)
        print(f"# {text}", flush=True)

    def begin(self, case, where):
        self.case, self.where = case, where
        heading = f"{case}, {where}"
        print(f"\n{heading:31}{'value':>7}      {'beside':<15}{'':>7}"
              "  ratio  quartiles at most")

    def add(self, figure):
        ratios = figure.ratios()
        q1, q3 = quartiles(ratios) if ratios else (None, None)
        spread = f"{q1:.2f}-{q3:.2f}" if len(ratios) > 1 else ""
        ratio = number(figure.ratio())
        target = ""
        if figure.at_most is not None:
            target = f"{figure.at_most:.2f}"
            if figure.at_most_itself:
                target = f"{figure.at_most:g} {figure.unit}"
        if figure.is_over():
            self.over += 1
            target += " OVER"
        print(f"{figure.what:31}{number(figure.value()):>7} "
              f"{figure.unit:<4} {figure.beside:<15}"
              f"{number(figure.beside_value()):>7} {ratio:>6} {spread:>10} "
              f"{target}".rstrip(), flush=True)
        exact = [figure.value(), figure.beside_value(), figure.ratio(),
                 q1, q3]
        value, beside, ratio, q1, q3 = (
            "" if one is None else f"{one:.6g}" for one in exact)
        target = "" if figure.at_most is None else f"{figure.at_most:g}"
        self.rows.append((
            self.case, self.where, figure.what, figure.unit, value,
            figure.beside, beside, ratio, q1, q3, target,
            str(len(figure.values))))

    def write(self, path):
        with open(path, "w") as file:
            for note in self.notes:
                print(f"# {note}", file=file)
            for row in (self.COLUMNS, *self.rows):
                print("\t".join(row), file=file)
