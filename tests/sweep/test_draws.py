"""Random search: intervals in a sweep."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra_plugins.resumable_sweeper import is_drawn, with_draws

from ce_harness.errors import ConfigError
from ce_harness.sweep.draws import drawn


def random(*texts):
    return {one.get_key_element(): one for one in OverridesParser.create().parse_overrides(list(texts))}


def test_a_draw_depends_on_key_seed_and_bounds_alone():
    rates = [drawn("learning_rate", seed, 1e-5, 1, log=True) for seed in range(200)]
    assert rates[:3] == [drawn("learning_rate", seed, 1e-5, 1, log=True) for seed in range(3)]
    assert len(set(rates)) == 200
    assert all(1e-5 <= rate <= 1 for rate in rates)
    # A fifth of the draws in each decade.
    assert sum(rate < 1e-4 for rate in rates) == pytest.approx(40, abs=15)
    assert drawn("batch_size", 0, 1e-5, 1) != drawn("learning_rate", 0, 1e-5, 1)


def test_every_seed_is_a_trial_and_losses_share_it():
    rate = random("learning_rate=tag(log,interval(1e-5,1))")
    (ce, mse, next_trial) = (
        with_draws(cell, rate, seed=7) for cell in (("loss=ce", "seed=0"), ("loss=mse", "seed=0"), ("seed=1",))
    )
    assert ce == ("loss=ce", "seed=0", f"learning_rate={drawn('learning_rate', 0, 1e-5, 1, log=True):g}")
    assert ce[-1] == mse[-1] != next_trial[-1]
    assert with_draws((), rate, seed=0)[-1] == ce[-1]


def test_keys_are_drawn_apart_and_from_lists_too():
    keys = random("learning_rate=interval(0,1)", "optimizer.momentum=tag(draw,choice(0,0.5,0.9))")
    assert all(map(is_drawn, keys.values()))
    trials = [with_draws((f"seed={seed}",), keys, seed=0)[1:] for seed in range(300)]
    assert len({rate for rate, _ in trials}) > 290
    momenta = [momentum for _, momentum in trials]
    counts = [momenta.count(f"optimizer.momentum={one}") for one in ("0", "0.5", "0.9")]
    assert counts == pytest.approx([100] * 3, abs=25)
    (grid,) = random("optimizer.momentum=choice(0,0.5,0.9)").values()
    assert not is_drawn(grid)


@pytest.mark.parametrize("text", ["interval(1,0.1)", "tag(log,interval(0,1))"])
def test_an_interval_that_holds_nothing_is_refused(text):
    with pytest.raises(ConfigError, match=r"learning_rate: an interval goes from a smaller to a larger number"):
        with_draws(("seed=0",), random(f"learning_rate={text}"), seed=0)
