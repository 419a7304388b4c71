"""Files of a complete run, of one that was interrupted and of a report's rows, each cut or with a bit flipped.

A call on what is damaged says so in one line, or puts it right. It never takes it for whole.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.faults.campaign import Campaign, Outcome, folder_with_store, new_store
from tests.faults.children import RUN, at_once, command, run
from tests.faults.left_behind import differences, left_in
from tests.faults.shim import Fault, Mode

FLIPS_PER_FILE = 40
CUTS_PER_FILE = 10
NOT_OF_THE_RUN = ("lock", "owner.json", "mlflow.json")  # made anew by whoever works on the run next


def damaged(content: bytes, number: int) -> tuple[str, bytes]:
    """The content with its n-th damage: a flipped bit at a random place, or cut there."""
    rng = random.Random(f"{number} {len(content)}")
    at = rng.randrange(len(content))
    if number < FLIPS_PER_FILE:
        changed = bytearray(content)
        changed[at] ^= 1 << rng.randrange(8)
        return f"a bit of byte {at}", bytes(changed)
    return f"cut at byte {at}", content[:at]


def of_a_run(interrupted: bool, every: int) -> Iterator[Outcome]:
    """Damages to a run; then one more call, which refuses in one line or ends like an undisturbed run."""
    with folder_with_store(new_store()) as folder:
        third_checkpoint = Fault(folder, Mode.KILL, 2, part_of_path="epoch-000003.ckpt")
        run(RUN, folder, third_checkpoint if interrupted else None)
        kept = folder.with_name(folder.name + "-kept")
        shutil.copytree(folder, kept)
        run(RUN, folder)
        expected = left_in(folder)
        (journal,) = kept.glob("*/journal.jsonl")
        files = [f for f in sorted(journal.parent.rglob("*")) if f.is_file() and f.name not in NOT_OF_THE_RUN]

        def after(which: tuple[Path, int]) -> Outcome:
            file, number = which
            how, content = damaged(file.read_bytes(), number)
            copy = Path(f"{kept}-{file.name}-{number}")
            shutil.copytree(kept, copy)
            (copy / file.relative_to(kept)).write_bytes(content)
            again = run(RUN, copy)
            told = again.code == 7 and again.is_clear
            wrong = [] if told else differences(expected.state, left_in(copy).state)
            shutil.rmtree(copy)
            if again.code not in (0, 7):
                wrong.append(f"ended with {again.code}: {again.said[-300:]}")
            return Outcome(f"{file.name}: {how}", tuple(wrong))

        cases = [(f, n) for f in files if f.stat().st_size for n in range(FLIPS_PER_FILE + CUTS_PER_FILE)]
        yield from at_once(after, cases[::every])
        shutil.rmtree(kept)


def of_rows(every: int) -> Iterator[Outcome]:
    """Damages to the rows of a report; then ``--from``, which must refuse them."""
    from tests.faults.campaigns.reports import runs_of_two_losses

    with folder_with_store(new_store()) as folder:
        words = runs_of_two_losses(folder)
        output = folder / "report"
        command("report.py", [*words, "--output", output])
        files = [
            output / name for name in json.loads((output / "report.json").read_bytes())["files"] if "rows/" in name
        ]

        def after(which: tuple[Path, int]) -> Outcome:
            file, number = which
            how, content = damaged(file.read_bytes(), number)
            copy = Path(f"{output}-{file.name}-{number}")
            shutil.copytree(output, copy)
            (copy / file.relative_to(output)).write_bytes(content)
            again = command("report.py", [words[0], "--from", copy, "--output", f"{copy}-made"])
            errors = [line for line in again.said.splitlines() if line.startswith("error: ")]
            told = again.code in (2, 3, 7, 8) and len(errors) == 1
            shutil.rmtree(copy)
            shutil.rmtree(f"{copy}-made", ignore_errors=True)
            return Outcome(f"{file.name}: {how}", () if told else (f"ended with {again.code}: {again.said[-300:]}",))

        cases = [(f, n) for f in files if f.stat().st_size for n in range(FLIPS_PER_FILE + CUTS_PER_FILE)]
        yield from at_once(after, cases[::every])


CAMPAIGNS = {
    "damage_complete": Campaign("a file of a complete run cut or flipped", partial(of_a_run, False), sample=300),
    "damage_interrupted": Campaign("a file of an interrupted run cut or flipped", partial(of_a_run, True)),
    "damage_rows": Campaign("rows of a report cut or flipped", of_rows),
}
