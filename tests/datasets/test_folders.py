"""A user's own folder of images: what is taken, and every way it can be wrong."""

import os
import re
import shutil
import struct
import tempfile
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ce_harness import datasets
from ce_harness.errors import ConfigError, DataError


def fill(folder, count=10, mode="RGB", suffix=".png", size=(12, 9)):
    """Writes images of random pixels; ``size`` is (width, height)."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(len(str(folder)))
    channels = {"RGB": (3,), "L": ()}[mode]
    for k in range(count):
        pixels = generator.integers(0, 256, size=(size[1], size[0], *channels), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{k}{suffix}")


@pytest.fixture
def pets(tmp_path):
    root = tmp_path / "pets"
    fill(root / "dogs")
    fill(root / "cats", mode="L", suffix=".jpg", size=(30, 40))
    return root


def load(root, **options):
    return datasets.image_directory(path=root, **{"val_fraction": 0.2, "test_fraction": 0.2, "size": 8} | options)


def test_any_size_grey_or_colour_and_the_class_names_are_the_folders(pets):
    dataset = load(pets)
    assert dataset.name == "pets"
    assert dataset.class_names == ("cats", "dogs")
    assert dataset.input_shape == (8, 8, 3)
    assert dataset.class_counts["train"] == {"cats": 6, "dogs": 6}
    cats = dataset.train.images[dataset.train.labels == 0]
    np.testing.assert_array_equal(cats[..., 0], cats[..., 2])
    assert load(pets, size=[6, 5], channels=1).input_shape == (6, 5, 1)


def test_pixels_at_their_own_size_are_untouched(pets):
    dataset = load(pets, size=[9, 12])
    dogs = {np.asarray(Image.open(file)).tobytes() for file in (pets / "dogs").iterdir()}
    shown = dataset.train.images[dataset.train.labels == 1] * 255
    assert all(image.round().astype(np.uint8).tobytes() in dogs for image in shown)


@pytest.mark.parametrize(("orientation", "rows"), [(3, slice(None, None, -1)), (99, slice(None))])
def test_photographs_are_turned_upright(tmp_path, orientation, rows):
    pixels = np.zeros((4, 4), np.uint8)
    pixels[0] = 200
    exif = Image.Exif()
    exif[0x0112] = orientation  # 3 is upside down, and 99 does not exist
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for k in range(5):
            Image.fromarray(pixels).save(tmp_path / name / f"{k}.png", exif=exif)
    image = load(tmp_path, size=4, channels=1).train.images[0, ..., 0]
    np.testing.assert_array_equal(image * 255, pixels[rows])


def test_cmyk_becomes_rgb(tmp_path):
    for name, red in (("a", 0), ("b", 200)):
        (tmp_path / name).mkdir()
        for k in range(5):
            Image.new("RGB", (8, 8), (red, 0, 0)).convert("CMYK").save(tmp_path / name / f"{k}.tif")
    dataset = load(tmp_path, size=4, channels=3)
    bright = dataset.train.images[dataset.train.labels == 1]
    np.testing.assert_allclose(bright * 255, np.broadcast_to([200, 0, 0], bright.shape), atol=1)


def test_what_systems_leave_behind_and_empty_folders_are_no_data(pets, caplog):
    before = load(pets).digest
    (pets / ".DS_Store").write_text("x")
    (pets / "cats" / ".hidden").write_text("x")
    (pets / "cats" / "Thumbs.db").write_text("x")
    (pets / "dogs" / "Desktop.ini").write_text("x")
    (pets / "__MACOSX").mkdir()
    (pets / "birds").mkdir()
    assert load(pets).digest == before
    assert "birds is empty: no class" in caplog.text


def test_folders_train_val_and_test_are_the_splits(tmp_path):
    for split, count in (("train", 6), ("val", 2), ("test", 3)):
        for name in ("cats", "dogs"):
            fill(tmp_path / split / name, count)
    dataset = load(tmp_path)
    assert dataset.class_names == ("cats", "dogs")
    counts = {split: sum(number.values()) for split, number in dataset.class_counts.items()}
    assert counts == {"train": 12, "validation": 4, "test": 6}
    shutil.rmtree(tmp_path / "val")
    assert [len(split) for split in load(tmp_path, val_fraction=1 / 6).splits.values()] == [10, 2, 6]


def test_a_class_that_is_not_trained_is_refused(tmp_path):
    for folder in ("train/cats", "train/dogs", "test/cats", "test/Dogs"):
        fill(tmp_path / folder, 4)
    with pytest.raises(DataError, match="has the class Dogs in its test images, but not in train"):
        load(tmp_path)


def test_test_images_without_classes_are_refused(tmp_path):
    for folder in ("train/cats", "train/dogs", "test"):
        fill(tmp_path / folder, 4)
    with pytest.raises(DataError, match=r"test/0\.png lies beside the class folders"):
        load(tmp_path)


def test_a_split_among_class_folders_is_a_class_and_said_so(pets, caplog):
    fill(pets / "test")
    assert load(pets).class_names == ("cats", "dogs", "test")
    assert "pets: its folder test is taken for a class, since other classes lie beside it" in caplog.text


def test_names_in_latin_1_are_read_and_shown(tmp_path):
    for name in (b"caf\xe9", "thé".encode()):
        fill(tmp_path / os.fsdecode(name), 5)
    assert load(tmp_path).class_names == ("café", "thé")


@pytest.mark.parametrize(("background", "value"), [("white", 1), ("black", 0)])
def test_transparency_shows_the_background(tmp_path, background, value):
    """A shape that is drawn in the alpha channel alone, black on transparent, with a hole of 2 x 2 pixels."""
    for name, mode in (("a", "RGBA"), ("b", "LA")):
        (tmp_path / name).mkdir()
        for k in range(5):
            image = Image.new(mode, (4, 4), (0,) * (len(mode) - 1) + (255,))
            image.putalpha(Image.fromarray(np.pad(np.zeros((2, 2), np.uint8), 1, constant_values=255)))
            image.putpixel((0, 0), (128,) * (len(mode) - 1) + (255,))  # so that no image is of one colour
            image.save(tmp_path / name / f"{k}.png")
    shown = load(tmp_path, size=4, channels=1, background=background).train.images[..., 0]
    assert (shown[:, 1:3, 1:3] == value).all()
    assert (shown[:, 3] == 0).all()


def test_a_palette_is_resized_as_the_colours_it_stands_for(tmp_path):
    stripes = np.zeros((8, 8), np.uint8)
    stripes[:, ::2] = 255
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for k in range(5):
            Image.fromarray(stripes).convert("P").save(tmp_path / name / f"{k}.png")
    small = load(tmp_path, size=4, channels=1).train.images
    assert ((small > 0.3) & (small < 0.7)).all()  # grey, not one of the two colours


def test_nothing_of_pillows_is_printed(pets, recwarn):
    hide_too_many_pixels(pets)
    with pytest.raises(DataError, match=r"bomb\.png has 1,000,000,000 pixels|exceeds limit"):
        load(pets)
    assert not recwarn.list


def add_text_file(root):
    (root / "cats" / "notes.txt").write_text("not an image")
    return "notes.txt is not an image that can be read"


def truncate(root):
    file = root / "cats" / "3.jpg"
    file.write_bytes(file.read_bytes()[:-200])
    return "3.jpg is not an image that can be read"


def alter_one_byte(root):
    file = root / "dogs" / "3.png"
    content = bytearray(file.read_bytes())
    content[content.index(b"IDAT") + 40] ^= 1
    file.write_bytes(content)
    return "3.png is not an image that can be read"


def write_16_bit(root):
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(root / "dogs" / "deep.png")
    return "deep.png has more than 8 bits per channel"


def nest(root):
    (root / "dogs" / "puppies").mkdir()
    return "puppies is not an image that can be read"


def name_splits_by_other_words(root):
    for split in ("training_set", "test_set"):
        fill(root / split / "cats")
    return "test_set holds folders, not images; a class is a folder of images, and splits are folders train, val"


def leave_out_train(root):
    for split in ("val", "test"):
        fill(root / split / "cats")
        fill(root / split / "dogs")
    for name in ("cats", "dogs"):
        shutil.rmtree(root / name)
    return "pets has the splits test, validation, but no folder train"


def leave_out_the_class_folders(root):
    for name, split in (("cats", "train"), ("dogs", "test")):
        (root / name).rename(root / split)
    return "pets has the splits test, train without class folders in them; move the images of each class"


def name_two_classes_alike(root):
    for name in ("café", "cafe\u0301"):
        fill(root / name)
    return "pets has two folders café, whose names differ in their bytes"


def draw_white_on_transparent(root):
    icon = Image.new("LA", (8, 8), (255, 0))
    icon.putpixel((3, 3), (255, 255))
    icon.save(root / "dogs" / "icon.png")
    return "icon.png is white on white: its shape is in its transparency alone; set dataset.background=black"


def leave_one_class(root):
    shutil.rmtree(root / "dogs")
    return "has 1 class folders; at least 2 are needed"


def put_an_image_beside(root):
    shutil.copy(root / "dogs" / "0.png", root)
    return "0.png lies beside the class folders"


def put_a_pipe_among_them(root):
    os.mkfifo(root / "dogs" / "pipe.png")
    return "pipe.png is not an image that can be read (a folder, pipe or device)"


def link_to_a_device(root):
    (root / "dogs" / "zero.png").symlink_to("/dev/zero")
    return "zero.png is not an image that can be read (a folder, pipe or device)"


def link_to_the_folder_above(root):
    (root / "dogs" / "again").symlink_to("..")
    return "again is not an image that can be read (a folder, pipe or device)"


def hide_too_many_pixels(root):
    rows = zlib.compress(bytes(12501) * 10)  # of 10,000
    header = struct.pack(">IIBBBBB", 100_000, 10_000, 1, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")]
    png = b"".join(struct.pack(">I", len(c)) + t + c + struct.pack(">I", zlib.crc32(t + c)) for t, c in chunks)
    (root / "dogs" / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + png)
    return "bomb.png "


def make_one_move(root):
    frames = [Image.new("L", (9, 9), grey) for grey in (0, 255)]
    frames[0].save(root / "dogs" / "moving.gif", save_all=True, append_images=frames[1:])
    return "moving.gif holds 2 images"


def remove(root):
    shutil.rmtree(root)
    return "pets can't be read (No such file or directory)"


def replace_by_a_file(root):
    shutil.rmtree(root)
    root.write_text("x")
    return "pets can't be read (Not a directory)"


@pytest.mark.parametrize(
    "spoil",
    [
        add_text_file,
        truncate,
        alter_one_byte,
        write_16_bit,
        nest,
        name_splits_by_other_words,
        leave_out_train,
        leave_out_the_class_folders,
        name_two_classes_alike,
        draw_white_on_transparent,
        leave_one_class,
        put_an_image_beside,
        put_a_pipe_among_them,
        link_to_a_device,
        link_to_the_folder_above,
        hide_too_many_pixels,
        make_one_move,
        remove,
        replace_by_a_file,
    ],
    ids=lambda spoil: spoil.__name__,
)
def test_refuses_a_spoilt_folder(pets, spoil):
    message = spoil(pets)
    with pytest.raises(DataError, match=re.escape(message)) as refusal:
        load(pets)
    assert "\n" not in str(refusal.value)


def test_no_altered_bit_of_a_png_changes_a_pixel_unnoticed(tmp_path):
    ramp = np.add.outer(np.arange(40), np.arange(50)).astype(np.uint8)
    for name, image in (("a", ramp), ("b", ramp[::-1])):
        (tmp_path / name).mkdir()
        for k in range(3):
            Image.fromarray(image).save(tmp_path / name / f"{k}.png")

    def digest():
        return load(tmp_path, size=[40, 50], channels=1, val_fraction=1 / 3, test_fraction=1 / 3).digest

    original, file = digest(), tmp_path / "a" / "0.png"
    content, refused = file.read_bytes(), 0
    for position in range(len(content)):
        file.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        try:
            assert digest() == original
        except DataError:
            refused += 1
    assert refused > len(content) / 2


@contextmanager
def without_privileges():
    """File permissions mean nothing to root, so a test that runs as root acts as nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_refuses_a_folder_it_may_not_read():
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)
        fill(root / "cats")
        fill(root / "dogs")
        (root / "dogs").chmod(0)
        with (
            without_privileges(),
            pytest.raises(DataError, match=r"dogs can't be read \(Permission denied\)"),
        ):
            load(root)
        (root / "dogs").chmod(0o755)


@pytest.mark.parametrize(
    "options", [{"size": 0}, {"size": [8, 8, 8]}, {"size": "big"}, {"channels": 4}, {"background": "red"}]
)
def test_refuses_impossible_sizes_and_channels(pets, options):
    with pytest.raises(ConfigError, match=rf"dataset\.{next(iter(options))}=.*: allowed is "):
        load(pets, **options)


def test_a_damaged_header_is_read_or_refused_but_never_a_traceback(tmp_path):
    """TIFF keeps its sizes in tags at the front, where Pillow trips over some values with a TypeError."""
    for name in ("a", "b"):
        fill(tmp_path / name, count=3, suffix=".tif")
    file = tmp_path / "a" / "0.tif"
    content, refusals = file.read_bytes(), []
    for position in range(120):
        file.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        try:
            load(tmp_path, val_fraction=1 / 3, test_fraction=1 / 3)
        except DataError as error:
            refusals.append(str(error))
    assert all("0.tif" in refusal for refusal in refusals)
    assert len(refusals) > 10
