"""Data that would train wrong or not at all."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from tests.bad_input.case import Case

N = 40
NPZ = "python run.py dataset=npz dataset.path=mine.npz batch_size=8"
FOLDER = "python run.py dataset=image_directory dataset.path=pets dataset.size=8"


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, size=shape or (N, 8, 8), dtype=np.uint8)


def labels(count: int = N) -> np.ndarray:
    return np.arange(count) % 2


def with_value(array: np.ndarray, index, value) -> np.ndarray:
    array[index] = value
    return array


def npz(**arrays) -> Callable[[], None]:
    return lambda: np.savez("mine.npz", **{"x": images(), "y": labels()} | arrays)


def torn_npz() -> None:
    npz()()
    content = Path("mine.npz").read_bytes()
    Path("mine.npz").write_bytes(content[: len(content) // 2])


def altered_npz() -> None:
    npz()()
    content = bytearray(Path("mine.npz").read_bytes())
    content[500] ^= 1
    Path("mine.npz").write_bytes(content)


def pickle_that_runs_a_shell() -> None:
    Path("mine.npz").write_bytes(b"cos\nsystem\n(S'touch executed'\ntR.")


def pets() -> None:
    for name in ("cats", "dogs"):
        Path("pets", name).mkdir(parents=True)
        for k in range(10):
            Image.fromarray(images(8, 8, 3)).save(f"pets/{name}/{k}.png")


def pets_and(spoil: Callable[[], object]) -> Callable[[], None]:
    def prepare() -> None:
        pets()
        spoil()

    return prepare


def remove_dogs() -> None:
    for file in Path("pets/dogs").iterdir():
        file.unlink()
    Path("pets/dogs").rmdir()


def tear(file: str) -> Callable[[], object]:
    return lambda: Path(file).write_bytes(Path(file).read_bytes()[:-60])


def link_to_itself() -> None:
    Path("pets").symlink_to("pets")


def files_of_fashion_mnist(first: bytes) -> Callable[[], None]:
    def prepare() -> None:
        Path("fashion").mkdir()
        Path("fashion/train-images-idx3-ubyte.gz").write_bytes(first)

    return prepare


def pixel(value: float) -> np.ndarray:
    return with_value(images().astype(np.float64), (3, 1, 2), value)


CASES = [
    Case("a NaN pixel", NPZ, "1 pixels that are NaN or infinite, the first at", 3, npz(x=pixel(np.nan))),
    Case("an infinite pixel", NPZ, "that are NaN or infinite, the first at index (3, 1, 2)", 3, npz(x=pixel(-np.inf))),
    Case("a negative label", NPZ, "the label -1 at index 5", 3, npz(y=with_value(labels(), 5, -1))),
    Case("a label too large", NPZ, "number the classes from 0 to 2", 3, npz(y=with_value(labels(), 5, 9))),
    Case("labels that are floats", NPZ, "has data type float64; allowed: integer", 3, npz(y=labels().astype(float))),
    Case("labels that are texts", NPZ, "allowed: integer class ids", 3, npz(y=labels().astype(str))),
    Case("labels that are objects", NPZ, "Python objects are refused", 3, npz(y=labels().astype(object))),
    Case("several labels for an image", NPZ, "but row 0 is not one-hot", 3, npz(y=np.ones((N, 2), int))),
    Case("a single class", NPZ, "has 1 class; at least 2", 3, npz(y=np.zeros(N, int))),
    Case("more images than labels", NPZ, "has 39 labels for 40 images", 3, npz(y=labels(N - 1))),
    Case("no images", NPZ, "is empty, its shape is (0, 8, 8)", 3, npz(x=images(0, 8, 8), y=labels(0))),
    Case("images that are flat rows", NPZ, "has shape (40, 64); allowed: (N, height, width)", 3, npz(x=images(N, 64))),
    Case("constant images", NPZ, "there is nothing to learn from", 3, npz(x=np.full((N, 8, 8), 7, np.uint8))),
    Case("integers that are not bytes", NPZ, "for example dataset.white=255", 3, npz(x=images().astype(int))),
    Case("floats up to 255", NPZ, "float32 from 0 to 255, while", 3, npz(x=images().astype(np.float32))),
    Case("channels first", NPZ, "write it with .transpose(0, 2, 3, 1)", 3, npz(x=images(N, 3, 8, 8))),
    Case("a test set of half", NPZ, "but not both images and labels of that split", 3, npz(x_test=images(4, 8, 8))),
    Case("a class missing from training", f"{NPZ} dataset.limit=1 batch_size=1", "no training example of", 3, npz()),
    Case("a torn .npz", NPZ, "mine.npz is damaged", 3, torn_npz),
    Case("an altered byte in an .npz", NPZ, "mine.npz is damaged", 3, altered_npz),
    Case(
        "a pickle called .npz",
        NPZ,
        "Python objects are refused because loading them runs code",
        3,
        pickle_that_runs_a_shell,
    ),
    Case(
        "a folder of images that can't be read",
        FOLDER,
        "pets can't be read (Too many levels of symbolic links)",
        3,
        link_to_itself,
    ),
    Case("a folder with one class", FOLDER, "pets has 1 class folders; at least 2", 3, pets_and(remove_dogs)),
    Case(
        "a text among the images",
        FOLDER,
        "notes.txt is not an image",
        3,
        pets_and(lambda: Path("pets/cats/notes.txt").write_text("x")),
    ),
    Case(
        "a text called .png",
        FOLDER,
        "text.png is not an image",
        3,
        pets_and(lambda: Path("pets/cats/text.png").write_text("x")),
    ),
    Case("a pipe among the images", FOLDER, "is a pipe", 3, pets_and(lambda: os.mkfifo("pets/cats/pipe.png"))),
    Case("a link upwards", FOLDER, "leads back to", 3, pets_and(lambda: Path("pets/cats/up").symlink_to(".."))),
    Case("a torn image", FOLDER, "3.png is not an image", 3, pets_and(tear("pets/dogs/3.png"))),
    Case(
        "an image beside the classes",
        FOLDER,
        "lies beside the class folders",
        3,
        pets_and(lambda: Path("pets/cats/3.png").rename("pets/3.png")),
    ),
    Case(
        "a torn .gz",
        "python run.py dataset=fashion_mnist dataset.path=fashion",
        "is damaged or another file",
        3,
        files_of_fashion_mnist(b"\x1f\x8b\x08\x00torn"),
    ),
    Case(
        "a published file of another content",
        "python run.py dataset=fashion_mnist dataset.path=fashion",
        "its SHA-256 is e3b0c442",
        3,
        files_of_fashion_mnist(b""),
    ),
    Case("a batch larger than the data", "python run.py batch_size=5000", "allowed is at most 1077"),
    Case("a split smaller than the classes", "python run.py dataset.val_fraction=0.001", "asks for 2 of 1347 examples"),
    Case(
        "a network too deep for the images",
        f"{NPZ} model=vgg_small",
        "model=vgg_small: too deep for images of 4x4x1",
        prepare=npz(x=images(N, 4, 4)),
    ),
]
