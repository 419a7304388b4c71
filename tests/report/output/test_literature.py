"""Published findings beside our own: agreement follows the rule of the verdicts."""

from ce_harness.report.evidence import rows
from ce_harness.report.evidence.selection import select
from ce_harness.report.output.literature import Finding, literature
from ce_harness.report.study import Claim
from tests.report.synthetic import Run, runs, study

LOSSES = ["softmax_ce", "mse"]


def finding(relation, margin=0.001, **options):
    return Finding("A & B", "there", "so", Claim("x", "test/accuracy", *LOSSES, relation, margin), **options)


def test_a_finding_agrees_disagrees_or_was_not_measured():
    tracked = runs(LOSSES, 10)
    reads = {"loss": LOSSES, "model": ["lenet5"], "seed": range(10)}
    evidence = rows.from_files(rows.to_files(rows.from_runs(select(tracked, study(reads), "demo"), reads)))
    better = evidence.runs["loss"] == "softmax_ce"
    evidence.runs["test/accuracy"] = 0.9 + 0.05 * better + 0.001 * evidence.runs["seed"]
    table = literature(
        evidence,
        [
            finding("greater"),
            finding("less"),
            finding("greater", margin=0.1),
            finding("equal", within={"model": "convnet"}),
            Finding("C", "elsewhere", "other"),
        ],
    )
    assert table.frame["agreement"].tolist() == [
        "agrees", "disagrees", "no difference", "not measured", "not measured"
    ]  # fmt: skip
    assert (
        "softmax + CE minus MSE (sum over classes): +0.05 [+0.05, +0.05] (all settings)"
        in table.shown["measured here"][0]
    )


def test_a_part_of_the_settings_may_be_named_by_a_number():
    starts = [0.01, 4.0]
    tracked = [
        Run(loss, seed, name=f"{start}-{loss}-{seed}", params={"model.head_stddev": str(start)})
        for start in starts
        for loss in LOSSES
        for seed in range(6)
    ]
    reads = {"loss": LOSSES, "model.head_stddev": starts, "seed": range(6)}
    evidence = rows.from_files(rows.to_files(rows.from_runs(select(tracked, study(reads), "demo"), reads)))
    table = literature(evidence, [finding("greater", within={"model.head_stddev": start}) for start in starts])
    assert table.frame["n"].tolist() == [6, 6]
    assert "(head_stddev 4)" in table.shown["measured here"][1]
