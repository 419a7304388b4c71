"""A user's own .npz file: what is taken, and every way it can be wrong."""

import os
import re
import zipfile

import numpy as np
import pytest

from ce_harness import datasets
from ce_harness.errors import DataError

N = 40


def images(*shape):
    return np.random.default_rng(0).integers(0, 256, size=shape or (N, 6, 7), dtype=np.uint8)


def labels(n=N, classes=2):
    return np.arange(n) % classes


def save(folder, **arrays):
    path = folder / "mine.npz"
    np.savez(path, **{"x": images(), "y": labels()} | arrays)
    return path


def test_grey_images_get_a_channel_and_classes_their_numbers(tmp_path):
    dataset = datasets.npz(path=save(tmp_path))
    assert dataset.name == "mine"
    assert dataset.input_shape == (6, 7, 1)
    assert dataset.class_names == ("0", "1")
    assert [len(split) for split in dataset.splits.values()] == [28, 6, 6]
    assert dataset.train.images.max() == 1.0


def test_a_test_set_of_its_own_is_used(tmp_path):
    x_test = images(10, 6, 7)
    dataset = datasets.npz(path=save(tmp_path, x_test=x_test, y_test=labels(10)))
    np.testing.assert_array_equal(dataset.test.images[..., 0], x_test / np.float32(255))
    assert (len(dataset.train), len(dataset.validation)) == (34, 6)


@pytest.mark.parametrize(
    "names",
    [
        ("x", "y", "x_val", "y_val", "x_test", "y_test"),
        ("x_train", "y_train", "x_valid", "y_valid", "x_test", "y_test"),
        ("train_images", "train_labels", "val_images", "val_labels", "test_images", "test_labels"),
        ("data", "target", "validation_data", "validation_target", "test_data", "test_target"),
        ("X", "Y", "dev_x", "dev_y", "testing_x", "testing_y"),
    ],
)
def test_the_names_of_keras_medmnist_and_others_are_understood(tmp_path, names):
    path = tmp_path / "named.npz"
    arrays = dict(
        zip(names, [images(), labels(), images(8, 6, 7), labels(8), images(10, 6, 7), labels(10)], strict=True)
    )
    np.savez(path, **arrays, description=np.array("what it is"))
    dataset = datasets.npz(path=path)
    assert [len(split) for split in dataset.splits.values()] == [40, 8, 10]
    np.testing.assert_array_equal(dataset.validation.images[..., 0], images(8, 6, 7) / np.float32(255))


@pytest.mark.parametrize(
    "y",
    [
        labels()[:, np.newaxis],
        np.eye(2)[labels()],
        np.eye(2, dtype=np.uint8)[labels()],
        np.eye(2, dtype=bool)[labels()],
    ],
    ids=["a column", "one-hot floats", "one-hot bytes", "one-hot bools"],
)
def test_labels_in_a_column_or_one_hot_are_class_ids(tmp_path, y):
    assert datasets.npz(path=save(tmp_path, y=y)).digest == datasets.npz(path=save(tmp_path)).digest


def test_a_split_of_an_unknown_name_is_told(tmp_path, caplog):
    datasets.npz(path=save(tmp_path, x_holdout=images()))
    assert "its array x_holdout is left alone; the splits are train, val and test" in caplog.text


def test_class_names_may_be_in_the_file(tmp_path):
    assert datasets.npz(path=save(tmp_path, class_names=np.array(["cat", "dog"]))).class_names == ("cat", "dog")


def test_a_file_that_would_fill_the_memory_is_refused_unread(tmp_path):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as member:
        header = {"descr": "|u1", "fortran_order": False, "shape": (200, 1000, 1000)}
        np.lib.format.write_array_header_1_0(member, header)
        for _ in range(200):
            member.write(bytes(1_000_000))
    with pytest.raises(DataError, match=r"bomb\.npz: its array x would unpack .* bytes to 200,000,1"):
        datasets.npz(path=path)


def test_an_array_larger_than_any_memory_is_refused(tmp_path):
    path = tmp_path / "liar.npz"
    with zipfile.ZipFile(path, "w") as archive, archive.open("x.npy", "w") as member:
        header = {"descr": "|u1", "fortran_order": False, "shape": (2**40, 1000, 1000)}
        np.lib.format.write_array_header_1_0(member, header)
    with pytest.raises(DataError, match=r"liar\.npz does not fit into memory"):
        datasets.npz(path=path)


def test_what_is_no_file_is_refused_unopened(tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    for name in ("pipe.npz", "."):
        with pytest.raises(DataError, match="is not a file"):
            datasets.npz(path=tmp_path / name)


def with_pixel(value):
    x = images().astype(np.float64)
    x[3, 1, 2] = value
    x[9] = value
    return x


def with_label(value, dtype=np.int64):
    y = labels().astype(dtype)
    y[5] = value
    return y


BAD_ARRAYS = {
    "nan pixels": (
        {"x": with_pixel(np.nan)},
        "43 pixels that are NaN or infinite, the first at index (3, 1, 2): nan",
    ),
    "infinite pixels": (
        {"x": with_pixel(-np.inf)},
        "43 pixels that are NaN or infinite, the first at index (3, 1, 2)",
    ),
    "beyond float32": ({"x": with_pixel(1e300)}, "43 pixels that are NaN or infinite"),
    "constant images": ({"x": np.full((N, 6, 7), 3, np.uint8)}, "every pixel of the images"),
    "flat rows": ({"x": images(N, 42)}, "has shape (40, 42); allowed: (N, height, width)"),
    "rank 5": ({"x": images(N, 2, 3, 1, 1)}, "has shape (40, 2, 3, 1, 1)"),
    "complex pixels": ({"x": images().astype(complex)}, "has data type complex128"),
    "no images": ({"x": images(0, 6, 7), "y": labels(0)}, "is empty, its shape is (0, 6, 7)"),
    "no pixels": ({"x": images(N, 0, 7)}, "is empty, its shape is (40, 0, 7)"),
    "negative label": ({"y": with_label(-1)}, "has the label -1 at index 5; number the classes from 0"),
    "gaps": ({"y": with_label(255)}, "3 different ones, the largest is 255; number the classes from 0 to 2"),
    "beyond int64": (
        {"y": with_label(2**64 - 1, np.uint64)},
        "has the label 18446744073709551615 at index 5",
    ),
    "float labels": ({"y": labels().astype(np.float32)}, "has data type float32; allowed: integer class ids"),
    "string labels": ({"y": labels().astype(str)}, "allowed: integer class ids"),
    "bool labels": ({"y": labels().astype(bool)}, "has data type bool; allowed: integer class ids"),
    "several labels each": ({"y": np.ones((N, 2), int)}, "has shape (40, 2), but row 0 is not one-hot"),
    "soft labels": ({"y": np.full((N, 2), 0.5)}, "has shape (40, 2), but row 0 is not one-hot"),
    "labels of rank 3": ({"y": np.zeros((N, 1, 1), int)}, "has shape (40, 1, 1); allowed: (N,)"),
    "few channels first": ({"x": images(N, 12, 24, 24)}, "has shape (40, 12, 24, 24), channels first; allowed"),
    "channels first": ({"x": images(N, 3, 8, 9)}, "channels first; allowed: (N, height, width, channels); write it"),
    "two names for images": ({"x_train": images()}, "holds both x and x_train; leave one of them out"),
    "class names that are numbers": ({"class_names": np.arange(2)}, "must be one text per class, no two alike"),
    "only y_val": ({"y_val": labels(4)}, "holds y_val, but not both images and labels of that split"),
    "fewer labels": ({"y": labels(N - 1)}, "has 39 labels for 40 images"),
    "one class": ({"y": np.zeros(N, int)}, "has 1 class; at least 2 are needed"),
    "one example of a class": (
        {"y": with_label(2)},
        "has a single example of class 2 left for dataset.test_fraction",
    ),
    "object labels": ({"y": np.array([0, "1"] * 20, dtype=object)}, "Python objects are refused"),
    "only x_test": ({"x_test": images(4, 6, 7)}, "holds x_test, but not both images and labels of that split"),
    "test label too large": (
        {"x_test": images(4, 6, 7), "y_test": np.array([0, 1, 2, 0])},
        "has the label 2 at index 2; allowed: 0 to 1 for its 2 classes",
    ),
}


@pytest.mark.parametrize(("arrays", "message"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_refuses_bad_arrays(tmp_path, arrays, message):
    path = save(tmp_path, **arrays)
    with pytest.raises(DataError, match=re.escape(message)) as refusal:
        datasets.npz(path=path)
    assert "\n" not in str(refusal.value)
    assert "mine.npz" in str(refusal.value)


def test_refuses_a_torn_file(tmp_path):
    path = save(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"mine\.npz is damaged"):
        datasets.npz(path=path)


@pytest.mark.slow
@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_no_altered_bit_changes_a_pixel_unnoticed(tmp_path, write):
    """Neither in the arrays, which have a checksum, nor in the zip around them, which has none."""
    path = tmp_path / "mine.npz"
    write(path, x=images(12, 3, 3), y=labels(12))
    original = datasets.npz(path=path, val_fraction=0.25, test_fraction=0.25).digest
    content, refusals = path.read_bytes(), []
    for position in range(len(content)):
        for bit in (1, 64):  # among them those that call an array encrypted, or the zip one of another version
            path.write_bytes(content[:position] + bytes([content[position] ^ bit]) + content[position + 1 :])
            try:
                assert datasets.npz(path=path, val_fraction=0.25, test_fraction=0.25).digest == original
            except DataError as error:
                refusals.append(str(error))
    assert all("mine.npz" in refusal for refusal in refusals)
    assert len(refusals) > len(content)  # of twice as many


def test_a_pickle_is_refused_unopened(tmp_path):
    path = tmp_path / "mine.npz"
    witness = tmp_path / "executed"
    path.write_bytes(f"cos\nsystem\n(S'touch {witness}'\ntR.".encode())
    with pytest.raises(DataError, match="Python objects are refused"):
        datasets.npz(path=path)
    assert not witness.exists()


def test_refuses_files_that_are_not_there_or_hold_something_else(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.npz can't be read \(No such file or directory\)"):
        datasets.npz(path=tmp_path / "nowhere.npz")
    np.savez(tmp_path / "other.npz", a=images())
    with pytest.raises(DataError, match=r"other\.npz holds a; it must hold x and y"):
        datasets.npz(path=tmp_path / "other.npz")
    np.save(tmp_path / "single.npy", images())
    with pytest.raises(DataError, match="holds a single array"):
        datasets.npz(path=tmp_path / "single.npy")
    (tmp_path / "empty.npz").touch()
    with pytest.raises(DataError, match=r"empty\.npz is damaged"):
        datasets.npz(path=tmp_path / "empty.npz")
