"""Where a run comes from: the record that opens its journal and becomes its parameters and tags in MLflow."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ce_harness.config import GROUPS, code_digest, code_digests, config_hash, identified, option_name
from ce_harness.config.modules import UNCOUNTED
from ce_harness.rundir.journal import Journal

MLFLOW_DIGEST_LENGTH = 36  # the store cuts longer ones; the tag dataset_digest has all 64


def start_record(
    config: DictConfig,
    *,
    name: str,
    tags: Mapping[str, str],
    class_counts: Mapping[str, Mapping[str, int]],
    columns: Sequence[str],
    p_true_edges: Sequence[float],
    fingerprint: str,
) -> dict[str, Any]:
    """The first record of a run's journal.

    Args:
        name: what people see.
        tags: ``dataset_digest`` of the arrays as used, ``source_digest`` of what they were made from, and any others.
        class_counts: examples per class name, for each split.
        columns: names of the columns of the steps' rows.
        p_true_edges: upper edges of the bins of p_true.
        fingerprint: what beside config and code decides the bits.
    """
    digest = tags["dataset_digest"]
    names = {group: option_name(config, group) for group in GROUPS}
    return Journal.record(
        "start",
        name=name,
        columns=list(columns),
        p_true_edges=list(p_true_edges),
        log_every_n_steps=config.log_every_n_steps,
        config=OmegaConf.to_yaml(OmegaConf.create(identified(config))),
        params=_flat(identified(config)),
        tags={
            **names,
            "loss_label": config.loss.get("label", names["loss"]),
            "seed": str(config.seed),
            "study": config.study,
            "config_hash": config_hash(config),
            "code_digest": code_digest(config),
            **code_digests(config),
            **tags,
            "num_classes": str(len(class_counts["train"])),
            "fingerprint": fingerprint,
            **git_state(),
        },
        dataset={
            "name": names["dataset"],
            "digest": digest[:MLFLOW_DIGEST_LENGTH],
            "source_type": "code",
            "source": json.dumps({"_target_": config.dataset["_target_"]}),
            "profile": json.dumps({"sha256": digest, "class_counts": class_counts}),
        },
    )


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = str(value)
    return flat


def git_state(room: Path = Path(__file__).parent) -> dict[str, str]:
    """``git_commit``, and ``git_dirty``: whether code that decides bits differs from it. A report decides none.

    An installed package may lie in a repository of the user's, as in ``.venv``: that one says nothing of our code.

    Args:
        room: a folder of the package.
    """

    def git(*words: str) -> str | None:
        command = ["git", "-C", str(room), *words]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return None

    commit = git("rev-parse", "HEAD") if git("ls-files") else None
    if commit is None:
        return {"git_commit": "unknown", "git_dirty": "unknown"}
    counted = ["..", *(f":(exclude)../{uncounted}*" for uncounted in UNCOUNTED)]
    return {"git_commit": commit, "git_dirty": str(bool(git("status", "--porcelain", "--", *counted))).lower()}
