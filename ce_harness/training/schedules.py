"""Learning rates over the steps of a run."""

from __future__ import annotations

from typing import Any

import keras
from keras.optimizers import schedules

STEP_AT = (0.5, 0.75)  # of the run; the rate falls to a tenth each time


@keras.saving.register_keras_serializable(package="ce_harness")
class WarmUp(schedules.LearningRateSchedule):
    """Rises linearly from 0 to the rate of another schedule over the first steps, then follows that schedule.

    Args:
        schedule: learning rate after warm-up: a schedule or a number.
        warmup_steps: steps of the rise.
    """

    def __init__(self, schedule: schedules.LearningRateSchedule | float, warmup_steps: int):
        self.schedule = schedule
        self.warmup_steps = warmup_steps

    def __call__(self, step: Any) -> Any:
        rate = self.schedule(step) if callable(self.schedule) else self.schedule
        return rate * keras.ops.minimum(1.0, (keras.ops.cast(step, "float32") + 1) / self.warmup_steps)

    def get_config(self) -> dict[str, Any]:
        return {
            "schedule": keras.saving.serialize_keras_object(self.schedule),
            "warmup_steps": self.warmup_steps,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> WarmUp:
        return cls(keras.saving.deserialize_keras_object(config["schedule"]), config["warmup_steps"])


def learning_rate(
    name: str | schedules.LearningRateSchedule, rate: float, steps: int, warmup_steps: int
) -> schedules.LearningRateSchedule | float:
    """The schedule of a run.

    Args:
        name: a schedule of the user's own, ``constant``, ``step`` or ``cosine``. ``step`` is a tenth after half of the
            run and a hundredth after three quarters. ``cosine`` is, after warm-up, half a cosine down to 0 at the last
            step (Loshchilov & Hutter 2017, eq. 5).
        rate: the learning rate at the start, or after warm-up.
        steps: of the whole run.
        warmup_steps: 0 for none.
    """
    if name == "cosine":
        # Keras's own warm-up, from rate to rate, only waits: it would begin with a step at rate 0.
        schedule = schedules.CosineDecay(rate, steps - warmup_steps, warmup_target=rate, warmup_steps=warmup_steps)
    elif name == "step":
        schedule = schedules.PiecewiseConstantDecay(
            [int(steps * part) for part in STEP_AT], [rate, rate / 10, rate / 100]
        )
    else:
        schedule = rate if name == "constant" else name
    return WarmUp(schedule, warmup_steps) if warmup_steps else schedule
