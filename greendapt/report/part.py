"""A part of a run: some strategies, seeds or settings, judged by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain

from greendapt.core.errors import RunError
from greendapt.core.hints import did_you_mean
from greendapt.core.records import CellName
from greendapt.core.text import shots_text
from greendapt.store.runinfo import RunData


def part_of(
    run: RunData,
    strategies: Sequence[str] | None = None,
    seeds: Iterable[int] | None = None,
    setting: Sequence[str] | None = None,
) -> RunData:
    """``run`` with the cells of these alone (None: of all); its records are those of the whole.

    A word of ``setting`` is a backbone, a transfer or a number of shots: words of one kind are
    alternatives, and every kind that is named must match. RunError, in one sentence, for a name
    that is none of the run's, and where no cell remains.
    """
    phrases = []
    if strategies is not None:
        known = list(run.info.suite.run.strategies)
        strategies = _chosen(known, strategies, "strategy")
        phrases.append(f"{_noun('strategy', 'strategies', strategies)} {', '.join(strategies)}")
    if seeds is not None:
        seeds = _seeds(run, seeds)
        phrases.append(f"{_noun('seed', 'seeds', seeds)} {_span(seeds)} of {len(_seeds_of(run))}")
    places: list[list[str]] = []
    if setting is not None:
        places = _places(run, setting)
        phrases.append(f"setting {', '.join(chain(*places))}")

    def is_in(cell: CellName) -> bool:
        words = _words(cell)
        return (
            (strategies is None or cell.strategy in strategies)
            and (seeds is None or cell.seed in seeds)
            and all(words[at] in names for at, names in enumerate(places) if names)
        )

    rows = [row for row in run.summary.rows if is_in(row)]
    failures = [failure for failure in run.summary.failures if is_in(failure)]
    part = (*run.part, *phrases)
    if not rows and not failures:
        raise RunError(f"no finished cell of this run is of: {'; '.join(part)}")
    summary = run.summary.model_copy(update={"rows": rows, "failures": failures})
    return replace(run, summary=summary, part=part)


def words_of(text: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """``a, b`` as its words; a list of words and None stay what they are."""
    if text is None:
        return None
    parts = text.split(",") if isinstance(text, str) else text
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def seeds_of(text: str | int | Iterable[int] | None) -> Iterable[int] | None:
    """``0..2`` (with both ends), ``0,3,5`` or ``4`` as numbers, which may be too many to list."""
    if isinstance(text, str):
        return chain.from_iterable(map(_range, words_of(text) or ()))
    return [text] if isinstance(text, int) else text


def _range(part: str) -> range:
    first, dots, last = part.partition("..")
    ends = [first, last if dots else first]
    if not all(end.isdecimal() for end in ends):
        raise RunError(f"seeds are given as 0..2, as 0,3,5 or as one number, not as '{part}'")
    return range(int(ends[0]), int(ends[1]) + 1)


def _chosen(known: Sequence[str], wanted: Sequence[str], noun: str) -> list[str]:
    """The ``known`` names that are ``wanted``, in their own order; RunError for any other."""
    if not wanted:
        raise RunError(f"no {noun} is named; there is: {', '.join(known)}")
    for name in wanted:
        if name not in known:
            hint = did_you_mean(name, known) or f"there is: {', '.join(known)}"
            raise RunError(f"there is no {noun} '{name}' in this run; {hint}")
    return [name for name in known if name in wanted]


def _seeds(run: RunData, wanted: Iterable[int]) -> list[int]:
    known = _seeds_of(run)
    chosen = set()
    for seed in wanted:
        if seed not in known:
            raise RunError(f"there is no seed {seed} in this run; there is: {_span(known)}")
        chosen.add(seed)
    if not chosen:
        raise RunError(f"no seed is named; there is: {_span(known)}")
    return sorted(chosen)


def _seeds_of(run: RunData) -> list[int]:
    """Which of them were run, which a suite may leave to the verdict."""
    return sorted({cell.seed for cell in (*run.summary.rows, *run.summary.failures)})


def _words(cell: CellName) -> tuple[str, str, str]:
    """Of its setting, as the title of a panel has them."""
    return cell.backbone, cell.transfer, shots_text(cell.shots)


def _places(run: RunData, wanted: Sequence[str]) -> list[list[str]]:
    """What each of `_words` may be; empty: anything."""
    suite = run.info.suite
    titles = {str(count): shots_text(count) for count in suite.run.shots}
    known = [list(suite.model.backbones), list(suite.run.transfers), [*titles, *titles.values()]]
    chosen = _chosen(list(dict.fromkeys(chain(*known))), wanted, "setting")
    backbones, transfers, shots = ([name for name in chosen if name in kind] for kind in known)
    return [backbones, transfers, list(dict.fromkeys(titles.get(name, name) for name in shots))]


def _noun(one: str, several: str, of: Sequence[object]) -> str:
    return one if len(of) == 1 else several


def _span(seeds: Sequence[int]) -> str:
    """``0 to 2``, ``0, 3, 5``, ``4``."""
    first, last = seeds[0], seeds[-1]
    if len(seeds) > 1 and last - first == len(seeds) - 1:
        return f"{first} to {last}"
    return ", ".join(map(str, seeds))
