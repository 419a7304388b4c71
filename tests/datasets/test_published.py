"""The published sets: their formats on small files, their sums, and the real Fashion-MNIST where it is "
"installed."""

import gzip
import hashlib
import io
import pickle
import re
import struct
import tarfile

import numpy as np
import pytest

from ce_harness import datasets
from ce_harness.datasets import published
from ce_harness.datasets.downloads import RemoteFile
from ce_harness.errors import DataError

GENERATOR = np.random.default_rng(0)


def pixels(*shape):
    return GENERATOR.integers(0, 256, size=shape, dtype=np.uint8)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def pinned(remote, path):
    """The same file with the sum of what the test wrote."""
    return RemoteFile(remote.url, sha256(path))


def write_idx(path, array):
    header = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))


@pytest.fixture
def small_fashion_mnist(tmp_path, monkeypatch):
    """A folder of four small IDX files that passes for the published ones, and the arrays in them."""
    folder = tmp_path / "fashion-mnist"
    folder.mkdir()
    arrays = [pixels(60, 28, 28), np.arange(60) % 10, pixels(20, 28, 28), np.arange(20) % 10]
    files = []
    for remote, array in zip(published.FASHION_MNIST, arrays, strict=True):
        write_idx(folder / remote.name, array.astype(np.uint8))
        files.append(pinned(remote, folder / remote.name))
    monkeypatch.setattr(published, "FASHION_MNIST", files)
    return folder, arrays


def test_fashion_mnist_reads_idx_files(small_fashion_mnist):
    folder, (train_images, _, test_images, test_labels) = small_fashion_mnist
    dataset = datasets.fashion_mnist(path=folder, val_fraction=1 / 6)
    assert [len(split) for split in dataset.splits.values()] == [50, 10, 20]
    assert dataset.class_names[9] == "Ankle boot"
    np.testing.assert_array_equal(dataset.test.images[..., 0], test_images / np.float32(255))
    np.testing.assert_array_equal(dataset.test.labels, test_labels)
    shown = {image.tobytes() for image in train_images / np.float32(255)}
    assert all(image.tobytes() in shown for image in dataset.train.images)


def test_fashion_mnist_is_found_in_the_keras_cache(small_fashion_mnist, monkeypatch):
    folder, _ = small_fashion_mnist
    (folder.parent / "datasets").mkdir()
    folder.rename(folder.parent / "datasets" / "fashion-mnist")
    monkeypatch.setenv("KERAS_HOME", str(folder.parent))
    monkeypatch.setattr(published, "DEBIAN_FASHION_MNIST", folder)
    assert len(datasets.fashion_mnist(val_fraction=1 / 6).test) == 20


@pytest.mark.parametrize(
    "spoil", [lambda c: c[:-20], lambda c: c[:100] + bytes([c[100] ^ 1]) + c[101:]], ids=["torn", "altered"]
)
def test_a_damaged_file_is_named_with_both_sums(small_fashion_mnist, spoil):
    folder, _ = small_fashion_mnist
    file = folder / "t10k-images-idx3-ubyte.gz"
    expected = sha256(file)
    file.write_bytes(spoil(file.read_bytes()))
    message = f"{file} is damaged or another file: its SHA-256 is {sha256(file)}, it must be {expected}"
    with pytest.raises(DataError, match=re.escape(message)):
        datasets.fashion_mnist(path=folder)


def test_a_missing_file_is_named_with_its_place_and_sum(tmp_path):
    with pytest.raises(DataError) as refusal:
        datasets.fashion_mnist(path=tmp_path)
    message = str(refusal.value)
    assert f"{tmp_path}/train-images-idx3-ubyte.gz can't be read (No such file or directory)" in message
    assert "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7" in message


def test_the_real_fashion_mnist():
    folder = published.DEBIAN_FASHION_MNIST
    if not folder.is_dir():
        pytest.skip("the Debian package dataset-fashion-mnist is not installed")
    dataset = datasets.fashion_mnist(path=folder)
    assert [len(split) for split in dataset.splits.values()] == [54000, 6000, 10000]
    assert dataset.input_shape == (28, 28, 1)
    assert set(dataset.class_counts["train"].values()) == {5400}
    assert set(dataset.class_counts["test"].values()) == {1000}
    assert dataset.test.labels[:5].tolist() == [9, 2, 1, 1, 6]


def test_mnist_reads_kerass_npz(tmp_path, monkeypatch):
    file = tmp_path / "mnist.npz"
    x_test = pixels(20, 28, 28)
    labels = (np.arange(60) % 10).astype(np.uint8)
    np.savez(file, x_train=pixels(60, 28, 28), y_train=labels, x_test=x_test, y_test=labels[:20])
    monkeypatch.setattr(published, "MNIST", pinned(published.MNIST, file))
    dataset = datasets.mnist(path=tmp_path, val_fraction=1 / 6)
    np.testing.assert_array_equal(dataset.test.images[..., 0], x_test / np.float32(255))
    assert dataset.num_classes == 10


def write_archive(path, members):
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def records(images, *labels):
    """CIFAR's binary records: labels, then the red, green and blue planes."""
    planes = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    columns = [label.astype(np.uint8)[:, np.newaxis] for label in labels]
    return np.concatenate([*columns, planes], axis=1).tobytes()


def test_cifar10_reads_the_binary_archive(tmp_path, monkeypatch):
    file = tmp_path / "cifar-10-binary.tar.gz"
    images, labels = pixels(60, 32, 32, 3), np.arange(60) % 3
    folder = "cifar-10-batches-bin"
    write_archive(
        file,
        {f"{folder}/batches.meta.txt": b"plane\ncar\nbird\n\n"}
        | {
            f"{folder}/data_batch_{k}.bin": records(images[10 * k - 10 : 10 * k], labels[10 * k - 10 : 10 * k])
            for k in (5, 4, 3, 2, 1)
        }
        | {f"{folder}/test_batch.bin": records(images[50:], labels[50:])},
    )
    monkeypatch.setattr(published, "CIFAR10", pinned(published.CIFAR10, file))
    dataset = datasets.cifar10(path=tmp_path, val_fraction=0.2)
    assert [len(split) for split in dataset.splits.values()] == [40, 10, 10]
    assert dataset.class_names == ("plane", "car", "bird")
    np.testing.assert_array_equal(dataset.test.images, images[50:] / np.float32(255))
    np.testing.assert_array_equal(dataset.test.labels, labels[50:])
    label_of = {image.tobytes(): label for image, label in zip(images / np.float32(255), labels, strict=True)}
    for image, label in zip(dataset.train.images, dataset.train.labels, strict=True):
        assert label_of[image.tobytes()] == label


def test_cifar100_uses_the_fine_labels(tmp_path, monkeypatch):
    file = tmp_path / "cifar-100-binary.tar.gz"
    images, fine = pixels(40, 32, 32, 3), np.arange(40) % 4
    coarse = fine // 2
    write_archive(
        file,
        {
            "cifar-100-binary/train.bin": records(images[:30], coarse[:30], fine[:30]),
            "cifar-100-binary/test.bin": records(images[30:], coarse[30:], fine[30:]),
            "cifar-100-binary/coarse_label_names.txt": b"fruit\nfish\n",
            "cifar-100-binary/fine_label_names.txt": b"apple\npear\nray\nshark\n",
        },
    )
    monkeypatch.setattr(published, "CIFAR100", pinned(published.CIFAR100, file))
    dataset = datasets.cifar100(path=tmp_path, val_fraction=0.2)
    assert dataset.class_names == ("apple", "pear", "ray", "shark")
    np.testing.assert_array_equal(dataset.test.labels, fine[30:])
    np.testing.assert_array_equal(dataset.test.images, images[30:] / np.float32(255))


def test_an_archive_can_neither_write_outside_its_folder_nor_run_code(tmp_path, monkeypatch):
    class Exploit:
        def __reduce__(self):
            return open, (str(tmp_path / "executed"), "w")

    folder = tmp_path / "data"
    folder.mkdir()
    file = folder / "cifar-10-binary.tar.gz"
    images, labels = pixels(30, 32, 32, 3), np.arange(30) % 3
    write_archive(
        file,
        {
            "../escaped.bin": records(images, labels),
            f"{tmp_path}/absolute.pkl": pickle.dumps(Exploit()),
            "x/test_batch.bin": records(images, labels),
            "x/batches.meta.txt": b"a\nb\nc\n",
        },
    )
    monkeypatch.setattr(published, "CIFAR10", pinned(published.CIFAR10, file))
    datasets.cifar10(path=folder, val_fraction=0.2)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["cifar-10-binary.tar.gz", "data"]


def test_a_damaged_archive_is_refused_before_it_is_opened(tmp_path):
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(b"anything")
    with pytest.raises(DataError, match="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"):
        datasets.cifar10(path=tmp_path)
