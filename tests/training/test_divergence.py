"""A run whose numbers blow up says where, ends with status ``diverged``, and leaves no checkpoint of it."""

from types import SimpleNamespace

import numpy as np
import pytest

from ce_harness.config import checked
from ce_harness.errors import DivergedError
from ce_harness.rundir.directory import RunDirectory
from ce_harness.tracking import reading
from ce_harness.training import train_and_evaluate
from ce_harness.training.divergence import StopOnDivergence

NAN = np.full(3, np.nan, np.float32)


def test_a_diverged_run_says_where_is_marked_and_leaves_no_checkpoint(composed):
    """Squared error on the logits grows for some epochs before it overflows."""
    config = composed("loss=mse_logits", "learning_rate=10", "epochs=10")
    for _ in range(2):  # the second call knows without training
        with pytest.raises(DivergedError, match=r"step \d+: loss (nan|inf).*grad_norm/global.*smaller learning_rate"):
            train_and_evaluate(config)
    (stored,) = reading.read_runs(config.tracking_uri, config.study)
    assert stored.status == "diverged"
    run = RunDirectory.of(checked(config))
    assert run.journal().of_kind("epoch")
    assert not run.checkpoints.exists()


def test_an_update_that_blows_up_in_the_last_step_of_all_is_found_by_validation(composed):
    """One step of one epoch: its loss is that of fresh weights, finite; the weights that it leaves are useless."""
    config = composed("learning_rate=1e38", "epochs=1", "batch_size=64")
    with pytest.raises(DivergedError, match=r"^epoch 1: validation loss inf after step 1: loss 2\.\d+, grad_norm/glob"):
        train_and_evaluate(config)
    run = RunDirectory.of(checked(config))
    assert run.outcome["status"] == "diverged"
    assert not run.journal().of_kind("epoch")


@pytest.mark.parametrize(
    ("epoch", "rows", "message"),
    [
        (0, [NAN, NAN], "step 1: loss nan, grad_norm/global nan, grad_norm/logits nan; try a smaller learning_rate"),
        (1, [NAN, NAN], "step 3: loss nan, .*; the step before: loss 4, grad_norm/global 5, grad_norm/logits 6; try"),
        (1, [[7, 8, 9], NAN], "step 4: loss nan, .*; the step before: loss 7, grad_norm/global 8, grad_norm/logits 9"),
        # Each loss is finite, their sum over the epoch is not.
        (0, [[1, 2, 3], [3e38, 4, 5]], "step 2: loss 3e.38, grad_norm/global 4, .*; the step before: loss 1, grad"),
    ],
)
def test_the_step_before_is_the_one_before_also_across_epochs(epoch, rows, message):
    stop = StopOnDivergence(np.array([4, 5, 6], np.float32) if epoch else None)
    stop.set_params({"steps": 2})
    stop.set_model(
        SimpleNamespace(
            columns=("loss", "grad_norm/global", "grad_norm/logits"),
            read_rows=lambda: np.array(rows, np.float32),
        )
    )
    stop.on_epoch_begin(epoch)
    with pytest.raises(DivergedError, match=f"^{message}"):
        stop.on_train_batch_end(1, {"loss": float("nan")})
