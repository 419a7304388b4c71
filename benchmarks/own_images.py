"""What 25,000 images of one's own take: time until training begins, and memory, mapped from the cache or held.

The images are made up and small as files. They are resized to take 0.3, 1 and 8 GB as pixels.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from benchmarks.speed.aims import aim
from ce_harness.report.study import Table

COUNT, CLASSES = 25_000, 10
SIDES = (64, 115, 326)  # pixels, of which COUNT images take 0.3, 1 and 8 GB
HELD_SIDE = 115  # in an .npz file, which is read into memory
SECOND_START_AT_MOST = 2.0  # seconds more than digits
HELD_AT_MOST = 1.2  # of the images' size
SECONDS_BETWEEN_LOOKS = 0.02
RUN = ("epochs=1", "model=softmax_regression", "batch_size=128", "learning_rate=0.001")


class _Measured(NamedTuple):
    start: float  # seconds from the command to the record that opens the journal, just before the first step
    memory: float  # MB, the largest that the process had for itself: without pages of mapped files


def own_images(count: int = COUNT) -> Table:
    """Whole processes, one after the other."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _run((), folder / "warm")  # the files of TensorFlow are in memory then
        digits = _run((), folder / "digits")
        rows = [_row("digits", 0.0, digits, digits) | aim(0, None)]
        photographs, mapped = _made_folder(folder / "photographs", count), {}
        for side in SIDES:
            words = ("dataset=image_directory", f"dataset.path={photographs}", f"dataset.size={side}")
            size = count * side * side * 3 / 1e6
            first = _run(words, folder / f"{side}")
            rows.append(_row("folder, decoded", size, first, digits) | aim(0, None))
            mapped[side] = _run((*words, "seed=1"), folder / f"{side}")
            limit = aim(mapped[side].start - digits.start, SECOND_START_AT_MOST)
            rows.append(_row("folder, from the cache", size, mapped[side], digits) | limit)
        file, size = _made_file(folder / "held.npz", count), count * HELD_SIDE**2 * 3 / 1e6
        held = _run(("dataset=npz", f"dataset.path={file}"), folder / "npz")
        limit = aim((held.memory - mapped[HELD_SIDE].memory) / size, HELD_AT_MOST)
        rows.append(_row(".npz, held in memory", size, held, digits) | limit)
    frame = pd.DataFrame(rows)
    return Table(
        f"{count:,} images of one's own",
        frame,
        frame.assign(**{c: frame[c].map("{:.1f}".format) for c in frame.columns[1:6]}),
        (
            "Seconds from the command to the first step; the memory that the process has for itself, at its peak, "
            "which leaves out pages of the cache that all cells of a sweep share. A start from the cache is to take "
            f"{SECOND_START_AT_MOST:.0f} s more than that of digits at most. Images that are held in memory are to "
            f"take {HELD_AT_MOST} times their size more than mapped ones at most.",
        ),
    )


def _row(what: str, size: float, measured: _Measured, digits: _Measured) -> dict[str, float | str]:
    return {
        "images": what,
        "size (MB)": size,
        "first step after (s)": measured.start,
        "more than digits (s)": measured.start - digits.start,
        "peak memory (MB)": measured.memory,
        "memory beyond digits (MB)": measured.memory - digits.memory,
    }


def _made_folder(folder: Path, count: int) -> Path:
    rng = np.random.default_rng(0)
    for label in range(CLASSES):
        (folder / f"class{label}").mkdir(parents=True)
    for number in range(count):
        pixels = rng.integers(0, 256, size=(48, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"class{number % CLASSES}" / f"{number}.jpg", quality=50)
    return folder


def _made_file(file: Path, count: int) -> Path:
    images = np.random.default_rng(0).integers(0, 256, size=(count, HELD_SIDE, HELD_SIDE, 3), dtype=np.uint8)
    np.savez(file, x=images, y=np.arange(count) % CLASSES)
    return file


def _run(words: tuple[str, ...], runs_dir: Path) -> _Measured:
    """One run of its own process, watched until it has ended."""
    known = set(runs_dir.glob("*/journal.jsonl"))
    began = time.time()
    command = [sys.executable, "run.py", *words, *RUN, f"runs_dir={runs_dir}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    memory = 0.0
    while process.poll() is None:
        memory = max(memory, _own_memory(process.pid))
        time.sleep(SECONDS_BETWEEN_LOOKS)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {process.stderr.read() if process.stderr else ''}")
    (journal,) = set(runs_dir.glob("*/journal.jsonl")) - known
    with journal.open() as lines:
        return _Measured(json.loads(next(lines))["time_ms"] / 1e3 - began, memory)


def _own_memory(pid: int) -> float:
    """MB of memory that is no page of a file; 0 once the process is gone."""
    try:
        told = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1e3 for line in told.splitlines() if line.startswith("RssAnon")), 0.0)
