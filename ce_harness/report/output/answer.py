"""The answer in words, made from the verdicts and their numbers: a sentence per claim, and a paragraph that sums up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ce_harness import theory
from ce_harness.printable import printable
from ce_harness.report.output.formats import bold, plain
from ce_harness.report.output.labels import loss_names
from ce_harness.report.output.wording import difference, margin
from ce_harness.report.study import Claim, Evidence, Study, Table
from ce_harness.report.verdicts.paired_tests import MIN_PAIRS
from ce_harness.report.verdicts.settings import setting_columns

IN_WORDS = {
    "supported": "yes",
    "contradicted": "no, the opposite",
    "equivalent": "no difference that matters",
    "depends": "it depends on the setting",
    "inconclusive": "not decided",
}
OF_EQUALITY = IN_WORDS | {"supported": "yes, equal", "contradicted": "no, they differ"}
DECIDED = ("supported", "contradicted", "equivalent")
SUMMED_UP = {
    "supported": "What holds",
    "contradicted": "What is not so",
    "equivalent": "What makes no difference that matters",
    "depends": "What depends on the setting",
    "inconclusive": "What these runs don't decide",
}
SCALE = (
    "What is scale",
    "how much larger a gradient is at the start, a constant of the two losses that a learning rate absorbs.",
)
BEYOND_SCALE = {
    "supported": ("What is not scale", "MSE's gradient fades on its worst predictions."),
    "equivalent": ("", "Neither loss's gradient fades more than the other's on its worst predictions."),
    "contradicted": ("", "It is not MSE's gradient that fades on its worst predictions."),
}
LISTED = ("dataset", "model", "optimizer")


@dataclass(frozen=True)
class Answered:
    """One claim.

    Attributes:
        row: of the table of verdicts, with its numbers.
        in_words: the verdict as the answer to the claim: ``yes``.
        numbers: what it rests on: the difference in a sentence, and sentences on what it means.
    """

    claim: Claim
    row: Mapping[str, Any]
    in_words: str
    numbers: tuple[str, ...]

    @property
    def sentence(self) -> str:
        return f"{self.claim.statement}: {self.in_words}. {' '.join(self.numbers)}"


@dataclass(frozen=True)
class Answer:
    """A study's answer.

    Attributes:
        claims: each claim answered, in the order of the study.
        reach: what is scale, and how far it carries: what a part of the summary is about, or "", and what it says.
    """

    claims: tuple[Answered, ...]
    reach: tuple[tuple[str, str], ...]

    @property
    def by_verdict(self) -> dict[str, list[Answered]]:
        """The claims under what they come to: ``What holds``."""
        by_verdict = {
            heading: [one for one in self.claims if one.row["verdict"] == verdict]
            for verdict, heading in SUMMED_UP.items()
        }
        return {heading: claims for heading, claims in by_verdict.items() if claims}

    @property
    def parts(self) -> list[tuple[str, str]]:
        """Those of the paragraph that sums up: which claims hold, which do not, what is scale, how far it carries.

        Where no claim is decided, it lists none.
        """
        if _decide_nothing(self.claims):
            return list(self.reach)
        listed = [
            (heading, " ".join(f"{one.claim.statement}." for one in claims))
            for heading, claims in self.by_verdict.items()
        ]
        return [*listed, *self.reach]

    @property
    def summary(self) -> str:
        """The paragraph that sums up."""
        return " ".join(f"{heading}: {text}" if heading else text for heading, text in self.parts)

    @property
    def text(self) -> str:
        """The summary and a line per claim."""
        return "\n".join([self.summary, *(answered.sentence for answered in self.claims)])


def answer(study: Study, evidence: Evidence, tables: Mapping[str, Table]) -> Answer | None:
    """The answer of a study that makes claims; None of another.

    Args:
        evidence: the runs that were judged.
        tables: of the report; ``verdicts`` among them.
    """
    if not study.claims:
        return None
    frame = tables["verdicts"].frame
    if study.apart in frame:
        frame = frame[frame[study.apart] == "all"]
    names = loss_names(evidence)
    rows = frame.to_dict("records")
    answered = tuple(_answered(claim, row, evidence, names) for claim, row in zip(study.claims, rows, strict=True))
    return Answer(answered, tuple(_reach(answered, evidence)))


def markdown(question: str, answered: Answer) -> str:
    """The answer as a Markdown file."""

    def line(one: Answered) -> str:
        rest = f"{one.in_words}. {' '.join(one.numbers)}"
        return f"- {bold(printable(one.claim.statement))}: {plain(printable(rest))}"

    summary = " ".join(
        f"{bold(heading)}: {plain(printable(text))}" if heading else plain(printable(text))
        for heading, text in answered.parts
    )
    return "\n".join([bold(printable(question)), "", summary, "", *map(line, answered.claims)]) + "\n"


def _answered(claim: Claim, row: Mapping[str, Any], evidence: Evidence, names: Mapping[str, str]) -> Answered:
    verdict = row["verdict"]
    in_words = (OF_EQUALITY if claim.relation == "equal" else IN_WORDS)[verdict]
    if not row["n"]:
        return Answered(claim, row, in_words, ("It was not measured, or the two losses share no seed.",))
    numbers = [difference(claim, row, {loss: names.get(loss, loss) for loss in (claim.first, claim.second)}) + "."]
    numbers += _theory(claim, evidence)
    if verdict == "inconclusive":
        numbers.append(_why_undecided(claim, row))
    elif verdict == "equivalent" or claim.relation == "equal":
        numbers.append(f"Less than {margin(claim)} would not matter.")
    if row.get("settings"):
        numbers.append(f"Setting by setting: {row['settings']}.")
    return Answered(claim, row, in_words, tuple(numbers))


def _theory(claim: Claim, evidence: Evidence) -> list[str]:
    """What the closed form says of the factor between two gradients, and what a slope means."""
    if claim.metric == "feedback_slope":
        return ["Slope 0: the pull stays as a prediction gets worse; slope 1: it fades as fast."]
    told = evidence.runs.get("num_classes", pd.Series(dtype=float))
    classes = pd.to_numeric(told).dropna().unique().tolist()
    first, second = theory.LOSSES.get(claim.first), theory.LOSSES.get(claim.second)
    if claim.metric != "early_grad_norm" or len(classes) != 1 or first is None or second is None:
        return []
    if first.ce_over_loss is None or second.ce_over_loss is None:
        return []
    k = int(classes[0])
    factor = second.ce_over_loss(k) / first.ce_over_loss(k)
    return [f"The closed form says {factor:g} at a uniform prediction of {k} classes; a learning rate absorbs it."]


def _why_undecided(claim: Claim, row: Mapping[str, Any]) -> str:
    if row["n"] < MIN_PAIRS:
        return "Too few seeds."
    if claim.metric.startswith("test/") and abs(row["mean"]) < row["noise_floor"]:
        return "Two names of one loss lie as far apart by chance."
    bound = np.log(claim.margin) if claim.ratio else claim.margin
    ends = [np.log(row[end]) if claim.ratio else row[end] for end in ("ci_low", "ci_high")]
    if min(ends) > bound or max(ends) < -bound:
        return f"Chance is not ruled out: p = {row['p_holm']:.2g}, adjusted for the number of questions."
    return f"The interval leaves open whether it is more than {margin(claim)}."


def _decide_nothing(answered: Sequence[Answered]) -> bool:
    return all(one.row["verdict"] == "inconclusive" for one in answered)


def _reach(answered: Sequence[Answered], evidence: Evidence) -> Iterator[tuple[str, str]]:
    by_metric = {one.claim.metric: one.row["verdict"] for one in answered}
    if _decide_nothing(answered):
        pairs = max(one.row["n"] for one in answered)
        few = (
            f": {pairs} seeds show no difference, and {MIN_PAIRS} are the fewest that can" if pairs < MIN_PAIRS else ""
        )
        if any(verdict in str(one.row.get("settings")) for one in answered for verdict in DECIDED):
            few = " over all settings; in single settings some are decided"
        many = len(answered) > 1
        yield "", f"These runs {f'decide none of the {len(answered)} claims' if many else 'do not decide it'}{few}."
    elif by_metric.get("early_grad_norm") in ("supported", "contradicted"):
        yield SCALE
        if beyond := BEYOND_SCALE.get(by_metric.get("feedback_slope", "")):
            yield beyond
    yield "How far it carries", _how_far(evidence)


def _how_far(evidence: Evidence) -> str:
    """What the runs are of, so that nobody takes the answer further."""
    runs = evidence.runs
    what = [", ".join(map(str, runs[name].unique())) for name in LISTED if name in runs]
    settings = len(runs.groupby(names)) if (names := setting_columns(runs)) else 1
    seeds = runs.groupby(["loss", *names]).size().median()
    return (
        f"{len(runs)} runs, {seeds:g} of each loss in {'each of ' if settings > 1 else ''}"
        f"{settings} setting{'s' if settings > 1 else ''} ({'; '.join(what)})."
    )
