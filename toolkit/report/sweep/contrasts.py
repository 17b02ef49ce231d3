"""Answers of a sweep: the contrasts that its axes ask for, each with an interval, and sentences for each axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from functools import partial
from typing import TypeAlias

from toolkit.report.compare import points
from toolkit.report.sweep.columns import Columns, Contrast, Row, contrasts, less
from toolkit.report.sweep.noise import noise_answer
from toolkit.report.sweep.orders import OrderVariance
from toolkit.report.sweep.section import Lines, Section, described, interval, listed, overall
from toolkit.similarity import language_family
from toolkit.statistics.draws import Draws, mean_draws

CONTROL = "(control)"
_GAIN = ", mean"


def sections_of(columns: Columns, orders: Sequence[OrderVariance] = ()) -> tuple[Section, ...]:
    """Return the answer of each axis of the sweep that has outcomes by row."""
    makers = (_mixtures, _sources, _domains, _fusions, partial(_orders, orders), noise_answer, _settings)
    return tuple(section for make in makers if (section := make(columns)) is not None)


def _mixtures(columns: Columns) -> Section | None:
    """Return mixtures of intermediates against their members alone."""
    singles = [row for row in columns.of("intermediates") if len(row.members) == 1]
    lines: Lines = {}
    best: Lines = {}
    for row in columns.of("mixtures"):
        own = [single for single in singles if set(single.members) <= set(row.members)]
        if len(own) > 1:
            lines[f"{row.name} - mean of its members alone"] = partial(_against_mean, columns, row, own)
            best[f"{row.name} - best of its members alone"] = partial(_against_best, columns, row, own)
    found = contrasts(columns, lines | best)
    if not found:
        return None
    said = []
    for contrast in overall(found, columns):
        name, _, rest = contrast.name.partition(" - ")
        said.append(f"{name} against the {rest}: {described(contrast, columns)}.")
    note = "The best member is chosen target by target on the rows scored, which favours it."
    return Section("All at once against one at a time", tuple(said), found, note)


def _present(columns: Columns, rows: Sequence[Row], task: str) -> list[Row]:
    return [row for row in rows if columns.draws(row, task) is not None]


def _against_mean(columns: Columns, row: Row, others: Sequence[Row], task: str) -> Draws | None:
    there = _present(columns, others, task)
    return less(columns.draws(row, task), columns.mean(there, task) if there else None)


def _against_best(columns: Columns, row: Row, others: Sequence[Row], task: str) -> Draws | None:
    some = [each for other in others if (each := columns.draws(other, task)) is not None]
    return less(columns.draws(row, task), max(some, key=lambda each: each.value, default=None))


def _sources(columns: Columns) -> Section | None:
    """Return source languages by number against the baseline, in groups of languages (`_groups`)."""
    rows, base = columns.of("sources"), columns.baseline
    if not rows or base is None:
        return None

    def against(some: Sequence[Row], languages: _Languages, task: str) -> Draws | None:
        codes = languages(task)
        return less(columns.mean(some, task, languages=codes), columns.draws(base, task, languages=codes))

    found: list[Contrast] = []
    said = []
    groups, families = _groups(columns, {code for row in rows for code in row.members})
    for about, where, languages in groups:
        lines: Lines = {}
        for size in sorted({len(row.members) for row in rows}):
            some = [row for row in rows if len(row.members) == size and not row.is_baseline]
            if some:
                lines[f"{_count(size)} ({_n(len(some), 'row')}) - {base.name}"] = partial(against, some, languages)
        made = contrasts(columns, lines, about=about)
        found += made
        said += [
            f"{one.name.replace(' - ', ' against ')}, {where}: {described(one, columns)}."
            for one in overall(made, columns)
        ]
    note = (
        "Each line is the mean over the choices of so many languages; `no training rows`: languages that no row of the table was "
        f"trained in. Families (URIEL): {families}."
    )
    return Section("Number of source languages", tuple(said), tuple(found), note) if found else None


_Languages: TypeAlias = Callable[[str], Sequence[str]]


def _groups(columns: Columns, sources: Set[str]) -> tuple[list[tuple[str, str, _Languages]], str]:
    """Return the groups of languages that sources are compared in, and the families of all languages in words.

    A group is what it is about in the table, where it is in a sentence, and its languages by target.
    """
    families = {
        code: language_family(code) for code in sorted(set(sources).union(*map(columns.languages, columns.targets)))
    }
    near = {families[code] for code in sources} - {"isolate", "unknown"}
    lows = sorted({code for task in columns.targets for code in columns.low(task)})

    def held_out(task: str) -> tuple[str, ...]:
        return tuple(code for code in columns.languages(task) if code not in sources)

    def of_family(is_near: bool, task: str) -> tuple[str, ...]:
        return tuple(code for code in held_out(task) if (families[code] in near) is is_near)

    by_family: dict[str, list[str]] = {}
    for code, family in families.items():
        by_family.setdefault(family, []).append(code)
    return [
        ("no training rows", "languages without training rows", held_out),
        (f"low-resource: {' '.join(lows)}", f"low-resource languages ({', '.join(lows)})", columns.low),
        ("a source's family", "languages without training rows of a source's family", partial(of_family, True)),
        ("other families", "languages without training rows of other families", partial(of_family, False)),
    ], "; ".join(f"{family}: {', '.join(codes)}" for family, codes in by_family.items())


def _count(size: int) -> str:
    names = {1: "one other language", 2: "two languages", 3: "three languages", 4: "four languages"}
    return names.get(size, f"{size} languages")


def _n(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _domains(columns: Columns) -> Section | None:
    """Return each domain against the control of equal size."""
    rows = columns.of("domains")
    control = next((row for row in rows if CONTROL in row.name), None)
    others = [row for row in rows if row is not control]
    if control is None or not others:
        return None
    lines: Lines = {}
    if len(others) > 1:
        lines["mean of the domains"] = lambda task: less(columns.mean(others, task), columns.draws(control, task))
    for row in others:
        lines[row.name] = lambda task, row=row: less(columns.draws(row, task), columns.draws(control, task))  # type: ignore[misc]
    found = contrasts(columns, {f"{name} - {control.name}": draws for name, draws in lines.items()})
    said = [f"{one.name.replace(' - ', ' against ')}: {described(one, columns)}." for one in overall(found, columns)]
    return Section("Domains against the control", tuple(said), found) if found else None


def _fusions(columns: Columns) -> Section | None:
    """Return the methods against each other, over the same sets of members."""
    rows = columns.of("fusions")
    methods = list(dict.fromkeys(row.method for row in rows))
    if len(methods) < 2:
        return None
    of = {method: [row for row in rows if row.method == method] for method in methods}
    values = {
        method: [each.value for task in columns.targets if (each := columns.mean(some, task)) is not None]
        for method, some in of.items()
    }
    values = {method: some for method, some in values.items() if len(some) == len(columns.targets)}
    if len(values) < 2:
        return None
    best = max(values, key=lambda method: sum(values[method]))
    lines: Lines = {}
    for method in sorted(values, key=lambda each: -sum(values[each])):
        if method != best:
            lines[f"{best} - {method}"] = lambda task, m=method: less(
                columns.mean(of[best], task), columns.mean(of[m], task)
            )  # type: ignore[misc]
    found = contrasts(columns, lines)
    tops = overall(found, columns)
    sure = [one.name.partition(" - ")[2] for one in tops if one.estimate.is_significant]
    rest = [one.name.partition(" - ")[2] for one in tops if not one.estimate.is_significant]
    said = [f"Best of the methods: {best}"]
    said[0] += f"; more than chance better than {listed(sure)}" if sure else ""
    said[0] += f"; not more than chance better than {listed(rest)}" if rest else ""
    said[0] += f" (nearest: {tops[0].name.replace(' - ', ' against ')} {interval(tops[0].estimate)} points)."
    base = columns.baseline
    if base is not None:
        gain = contrasts(
            columns,
            {f"{best} - {base.name}": lambda task: less(columns.mean(of[best], task), columns.draws(base, task))},
        )
        said += [f"{best} against {base.name}: {described(one, columns)}." for one in overall(gain, columns)]
        found = (*found, *gain)
    note = "A method's score is the mean over its sets of members; the best is chosen on the rows scored, which favours it."
    return Section("Methods", tuple(said), found, note)


def _orders(orders: Sequence[OrderVariance], columns: Columns) -> Section | None:
    """Return the effect of order, of the member nearest to the target, and the methods over the same orders."""
    if not orders:
        return None
    said = []
    for what in dict.fromkeys(one.what for one in orders):
        some = [one for one in orders if one.what == what and one.spread is not None]
        subject = f"the {what}"
        sure = [one for one in some if one.spread is not None and one.spread.is_significant]
        if some and not sure:
            top = max(one.spread.high for one in some if one.spread is not None)
            said.append(
                f"Order affects {subject} nowhere beyond chance; the standard deviation due to order itself is at most "
                f"{points(top, is_signed=False)} points (95 %)."
            )
        for one in sure:
            assert one.spread is not None
            own = [points(each, is_signed=False) for each in (one.spread.own, one.spread.low, one.spread.high)]
            said.append(
                f"Order affects {subject} on {one.task} ({one.method}) beyond chance: a standard deviation of {own[0]} "
                f"[{own[1]}, {own[2]}] points beyond seeds and test rows; best {one.best}, worst {one.worst}."
            )
        if some and sure and len(sure) < len(some):
            said.append(
                f"In {len(some) - len(sure)} of {len(some)} comparisons of orders, {subject} may differ by chance."
            )
    found = (*contrasts(columns, _order_lines(columns)), *contrasts(columns, _order_gains(columns)))
    # The gain over the baseline is always said: without it, an order without effect could be misread.
    tops = [one for one in overall(found, columns) if one.estimate.is_significant or one.name.endswith(_GAIN)]
    said += [f"{one.name.replace(' - ', ' against ').removesuffix(_GAIN)}: {described(one, columns)}." for one in tops]
    of = f"change of the score under noise (mean of {', '.join(columns.noises)})" if columns.noises else "score"
    note = f"Differences of the {of}. Learnt last: nearest to the target."
    return Section("Order", tuple(said), found, note) if said or found else None


def _order_lines(columns: Columns) -> Lines:
    """Return each member learnt last against learnt earlier, and the methods against each other over the same orders."""
    by_method = _by_method(columns)
    value = columns.mean if not columns.noises else columns.mean_change
    lines: Lines = {}
    for method, rows in by_method.items():
        members = list(dict.fromkeys(member for row in rows for member in row.members))
        for member in members[:1] if len(members) == 2 else members:
            last = [row for row in rows if row.members[-1] == member]
            rest = [row for row in rows if row not in last and member in row.members]
            name = f"{member} learnt last - learnt earlier" + (f" ({method})" if len(by_method) > 1 else "")
            if last and rest:
                lines[name] = lambda task, a=last, b=rest: less(value(a, task), value(b, task))  # type: ignore[misc]
    (first, a), *others = by_method.items()
    for method, b in others:
        if {row.members for row in a} == {row.members for row in b}:
            lines[f"{first} - {method}, mean of all orders"] = lambda task, a=a, b=b: less(  # type: ignore[misc]
                value(a, task), value(b, task)
            )
    return lines


def _order_gains(columns: Columns) -> Lines:
    """Return all orders of a method against the baseline; under noise another section has them."""
    base = columns.baseline
    if base is None or columns.noises:
        return {}
    by_method = _by_method(columns)
    return {
        f"all orders{f' ({method})' if len(by_method) > 1 else ''} - {base.name}{_GAIN}": partial(
            _gain, columns, rows, base
        )
        for method, rows in by_method.items()
    }


def _by_method(columns: Columns) -> dict[str, list[Row]]:
    """Return the rows of several members in an order, by method."""
    found: dict[str, list[Row]] = {}
    for row in columns.of("orders"):
        if len(row.members) > 1:
            found.setdefault(row.method, []).append(row)
    return found


def _gain(columns: Columns, rows: Sequence[Row], base: Row, task: str) -> Draws | None:
    return less(columns.mean(rows, task), columns.draws(base, task))


def _settings(columns: Columns) -> Section | None:
    """Return the points of `settings` without noise against the reference, over all rows."""
    others = [v for v in columns.variants if v != columns.reference and v not in columns.noises]
    lines: Lines = {}
    for variant in others:

        def draws(task: str, variant: str = variant) -> Draws | None:
            some = [columns.change(row, task, [variant]) for row in columns.rows]
            there = [each for each in some if each is not None]
            return mean_draws(there) if there else None

        lines[f"{variant} - {columns.reference}"] = draws
    found = contrasts(columns, lines)
    said = [
        f"{one.name.replace(' - ', ' against ')}, mean over rows: {described(one, columns)}."
        for one in overall(found, columns)
    ]
    return Section("Settings", tuple(said), found) if found else None
