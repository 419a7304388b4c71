"""The config of a run: its keys, the checks on it, and the hash that names it.

Light on purpose: `--help` and every refusal of a bad config answer without importing TensorFlow or MLflow.
"""

from ce_harness.config.checks import checked
from ce_harness.config.identity import code_digest, code_digests, config_hash, identified, option_name, run_name
from ce_harness.config.schema import GROUPS

__all__ = [
    "GROUPS",
    "checked",
    "code_digest",
    "code_digests",
    "config_hash",
    "identified",
    "option_name",
    "run_name",
]
