"""Which runs a study reads, and the reason given for each of the others."""

import pytest

from ce_harness.errors import ConfigError, TooFewRunsError
from ce_harness.report.evidence.selection import chosen, select
from tests.report.synthetic import Run, runs, study

READS = {"dataset": ["digits"], "model": ["lenet5"], "loss": ["softmax_ce", "mse"], "seed": range(3)}


def reasons(tracked, reads=READS):
    found = select(tracked, study(reads), "demo")
    return {run.name for run in found.runs}, dict(found.excluded.itertuples(index=False))


def test_a_full_grid_leaves_nothing_out():
    kept, left_out = reasons(runs(READS["loss"], 3))
    assert len(kept) == 6
    assert left_out == {}


def test_diverged_and_failed_runs_are_listed_and_their_partners_named():
    tracked = runs(READS["loss"], 3)
    tracked[3].status, tracked[4].status = "diverged", "failed"
    kept, left_out = reasons([*tracked, Run("softmax_ce", 3), Run("mse", 3)], {**READS, "seed": range(4)})
    assert left_out["digits-lenet5-mse-s0"].startswith("diverged: counts as chance")
    assert left_out["digits-lenet5-mse-s1"] == "failed"
    assert left_out["digits-lenet5-softmax_ce-s1"].startswith("unpaired: no usable run of mse")
    assert "digits-lenet5-softmax_ce-s1" in kept
    assert "digits-lenet5-softmax_ce-s0" not in left_out  # a training that diverged is a partner


def test_a_combination_that_was_never_run_is_missing():
    _, left_out = reasons([run for run in runs(READS["loss"], 3) if run.name != "digits-lenet5-mse-s2"])
    assert left_out["dataset=digits model=lenet5 loss=mse seed=2"] == "missing: never run"


def test_a_loss_the_study_does_not_name_is_foreign():
    _, left_out = reasons([*runs(READS["loss"], 3), Run("focal", 0)])
    assert left_out == {"digits-lenet5-focal-s0": "foreign: loss=focal is not part of the study"}


def test_the_later_of_two_equal_runs_counts():
    again = Run("mse", 0, start_time=2_000, name="again")
    kept, left_out = reasons([*runs(READS["loss"], 3), again])
    assert left_out == {"digits-lenet5-mse-s0": "duplicate of a later run"}
    assert "again" in kept


@pytest.mark.parametrize(("tag", "word"), [("code_digest", "other code"), ("dataset_digest", "other data")])
def test_other_code_and_other_data_do_not_mix(tag, word):
    old = Run("mse", 0, start_time=1, name="old", tags={tag: "old"})
    kept, left_out = reasons([old, *runs(READS["loss"], 3)])
    assert left_out["old"].startswith(word)
    assert len(kept) == 6


@pytest.mark.parametrize("tag", ["code_digest", "dataset_digest"])
def test_other_code_and_other_data_mix_if_asked(tag):
    tracked = runs(READS["loss"], 3)
    tracked[0].tags[tag] = "old"
    found = select(tracked, study(READS), "demo", mix=True)
    assert len(found.runs) == 6
    assert found.excluded.empty


def test_an_odd_run_is_left_out_and_poisons_nothing():
    short = Run("mse", 0, start_time=2_000, name="short", params={"epochs": "1"})
    kept, left_out = reasons([*runs(READS["loss"], 3), short])
    assert left_out == {"short": "foreign: epochs=1, most runs have 6"}
    assert len(kept) == 6
    kept, left_out = reasons([*runs(READS["loss"], 3), short], {**READS, "epochs": [6]})
    assert left_out == {"short": "foreign: epochs=1 is not part of the study"}
    assert len(kept) == 6


def test_as_many_runs_of_one_value_as_of_another_ask_for_a_choice():
    short = [Run(loss, seed, name="short", params={"epochs": "1"}) for loss in READS["loss"] for seed in range(3)]
    tracked = [*runs(READS["loss"], 3), *short]
    with pytest.raises(ConfigError, match=r"differ in epochs: 1 \(short\) and 6 .*; choose with --where epochs="):
        reasons(tracked)
    kept, left_out = reasons(tracked, chosen(READS, {"epochs": ["6"]}))
    assert left_out == {"short": "foreign: epochs=1 is not part of the study"}
    assert len(kept) == 6


def test_what_is_chosen_must_be_there():
    assert chosen(READS, {"loss": ["mse"], "seed": ["1.0", "2"]})["seed"] == [1, 2]
    with pytest.raises(ConfigError, match=r"--where loss=focal: allowed is one of softmax_ce, mse"):
        chosen(READS, {"loss": ["focal"]})
    tracked = runs(["mse", "softmax_ce"], 2)
    for run in tracked:
        run.params["epochs"] = "6"
    with pytest.raises(ConfigError, match=r"^--where epochs=7: allowed is one of 6$"):
        chosen(READS, {"epochs": ["7"]}, tracked)
    with pytest.raises(ConfigError, match=r"^--where epoch=6: no run of the study has such a key; did you mean epochs"):
        chosen(READS, {"epoch": ["6"]}, tracked)
    assert chosen(READS, {"epochs": ["6"]}, tracked)["epochs"] == ["6"]


CODES = {"harness_digest": "h", "dataset_code": "d", "model_code": "m", "optimizer_code": "o"}


def coded(loss, seed, **tags):
    return Run(loss, seed, tags={**CODES, "loss_code": loss, "code_digest": f"of {loss}", **tags})


def test_an_own_loss_and_a_built_in_one_compare_though_each_has_code_of_its_own():
    kept, left_out = reasons([coded(loss, seed) for loss in READS["loss"] for seed in range(3)])
    assert len(kept) == 6
    assert left_out == {}


def test_when_a_loss_changes_its_own_older_runs_alone_are_left_out():
    tracked = [coded(loss, seed) for loss in READS["loss"] for seed in range(3)]
    older = [coded("mse", seed, loss_code="older") for seed in range(3)]
    for run in older:
        run.name, run.start_time = f"older-{run.seed}", 1
    kept, left_out = reasons([*older, *tracked])
    assert len(kept) == 6
    assert set(left_out.values()) == {"other code: not that of the newest run, loss=mse has changed"}


def test_after_the_clock_was_set_back_the_code_that_is_there_counts():
    then = [coded(loss, seed, harness_digest="then") for loss in READS["loss"] for seed in range(3)]
    for run in then:
        run.name, run.start_time = f"then-{run.name}", 9_000
    now = [coded(loss, seed) for loss in READS["loss"] for seed in range(3)]
    assert {run.tags["harness_digest"] for run in select([*then, *now], study(READS), "demo").runs} == {"then"}
    selection = select([*then, *now], study(READS), "demo", code_now="h")
    assert {run.tags["harness_digest"] for run in selection.runs} == {"h"}
    assert set(selection.excluded["reason"]) == {"other code: not that of the newest run"}


def split_by(seed, **tags):
    return {"source_digest": "s", "dataset_digest": f"split {seed}", **tags}


def drawn(seed, classes, source):
    tags = {"source_digest": source, "dataset_digest": source}
    name = f"{seed} of {classes}"
    return [Run(loss, seed, name=name, tags=tags, params={"dataset.num_classes": classes}) for loss in READS["loss"]]


def test_data_drawn_by_each_seed_compare_and_so_do_the_data_sets_that_a_study_varies():
    """As those of digit_strings, whose strings of digits a seed draws, in as many classes as the study says."""
    reads = {**READS, "dataset.num_classes": [2, 10]}
    tracked = [run for seed in range(3) for classes in ("2", "10") for run in drawn(seed, classes, f"{classes} {seed}")]
    kept, left_out = reasons(tracked, reads)
    assert len(kept) == 6
    assert left_out == {}
    changed = drawn(0, "2", "2 before")  # and drawn again since
    _, left_out = reasons([changed[0], *tracked], reads)
    assert left_out == {"0 of 2": "other data: not those of the newest run"}


def test_data_edited_between_two_seeds_do_not_mix():
    reads = {**READS, "dataset.num_classes": [2], "seed": range(4)}
    tracked = [run for seed, source in enumerate("aabb") for run in drawn(seed, "2", source)]
    _, left_out = reasons(tracked, reads)
    assert {name for name, why in left_out.items() if why.startswith("other data")} == {"0 of 2", "1 of 2"}
    with pytest.raises(TooFewRunsError, match="2 other data"):
        reasons([*drawn(0, "2", "a"), *drawn(1, "2", "b")], {**reads, "seed": range(2)})


def test_splits_of_one_source_compare_and_those_of_another_do_not():
    tracked = [Run(loss, seed, tags=split_by(seed)) for loss in READS["loss"] for seed in range(3)]
    other = Run("mse", 0, name="other", start_time=1, tags=split_by(0, source_digest="other"))
    kept, left_out = reasons([other, *tracked])
    assert len(kept) == 6
    assert left_out == {"other": "other data: not those of the newest run"}


def test_a_pair_shares_its_split():
    tracked = [Run(loss, seed, tags=split_by(seed)) for loss in READS["loss"] for seed in range(3)]
    odd = Run("mse", 2, name="odd", start_time=1, tags=split_by(0))
    kept, left_out = reasons([odd, *tracked[:-1]])
    assert left_out["odd"] == "other split: not that of the newest run of its setting and seed"
    assert "odd" not in kept


def test_a_parameter_of_a_loss_may_differ_between_losses():
    tracked = runs(READS["loss"], 3, mse={"params": {"loss.scale": "2"}})
    assert len(reasons(tracked)[0]) == 6


def test_losses_of_unequal_seeds_are_no_comparison():
    tracked = [Run("softmax_ce", 0), Run("softmax_ce", 1), Run("mse", 1), Run("mse", 2)]
    with pytest.raises(TooFewRunsError, match=r"4 runs \(4 usable\), .* two losses with two seeds in common"):
        select(tracked, study(READS), "demo")
    assert "digits-lenet5-softmax_ce-s0" in reasons([*tracked, Run("mse", 0)])[0]


def test_too_few_runs_say_how_many_and_what_to_do():
    with pytest.raises(TooFewRunsError, match=r"no runs; train them first: this way"):
        select([], study(READS), "demo", "this way")
    tracked = runs(READS["loss"], 2, mse={"status": "diverged"})
    with pytest.raises(TooFewRunsError, match=r"4 runs \(2 usable, 2 diverged\)"):
        select(tracked, study(READS), "demo")


def test_a_loss_with_a_learning_rate_of_its_own_is_not_unpaired():
    rates = {"softmax_ce": 0.01, "mse": 0.05}
    reads = {"loss": list(rates), "learning_rate": list(rates.values()), "seed": range(3)}
    tracked = [Run(loss, seed, params={"learning_rate": str(rates[loss])}) for loss in rates for seed in range(3)]
    found = select(tracked, study(reads, where=lambda cell: cell["learning_rate"] == rates[cell["loss"]]), "demo")
    assert len(found.runs) == 6
    assert found.excluded.empty
