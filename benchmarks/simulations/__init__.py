"""Do the tests and intervals behind the verdicts hold what they promise? Made-up differences whose truth is known.

Command: python -m benchmarks simulations    (10 minutes on 1 core; every figure is drawn with a fixed seed)
"""

from benchmarks.simulations.differences import differences
from benchmarks.simulations.settings import disagreement, settings
from benchmarks.simulations.splits import splits
from benchmarks.simulations.tuning import tuning

TABLES = {
    "differences": differences,
    "settings": settings,
    "disagreement": disagreement,
    "splits": splits,
    "tuning": tuning,
}
