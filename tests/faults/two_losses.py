"""A study whose report has each kind of file, and takes a second: its campaigns make it a thousand times."""

from ce_harness.report.output.figures import learning_curves
from ce_harness.report.output.tables import comparison
from ce_harness.report.study import Claim, Study

STUDY = Study(
    question="Does a report outlive whatever is done to it?",
    reads={"loss": ["softmax_ce", "mse"], "seed": range(3)},
    claims=(Claim("Cross-entropy trains more accurately", "test/accuracy", "softmax_ce", "mse", "greater", 0.005),),
    tables={"comparison": comparison},
    figures={"learning_curves": learning_curves},
)
