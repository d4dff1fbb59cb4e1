"""What image files state of themselves is heeded, and said."""

import io
import os
import socket
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from greendapt.data.sources.image_files import read_images
from greendapt.data.sources.whole import MAX_PIXELS

RAMP = np.tile(np.linspace(0, 255, 32).astype(np.uint8), (32, 1))


def body(seed):
    rough = np.random.default_rng(seed).uniform(0.2, 0.8, (8, 8)).astype(np.float32)
    return np.asarray(Image.fromarray(rough).resize((64, 64), Image.Resampling.BICUBIC))


def deep(path, picture, white, **how):
    Image.fromarray(np.rint(white * picture).astype(np.uint16)).save(path, **how)
    return path


def read(*paths, size=32):
    batch = read_images(paths, size)
    assert batch.bad == []
    return batch.pixels[:, 0].astype(int)


def told(*paths):
    return " ".join(map(str, read_images(paths, 16).remarks()))


def why(path):
    ((_, reason),) = read_images([path], 16).bad
    return reason


# --- depth


def test_a_burnt_in_marker_changes_no_other_image(tmp_path):
    paths = [deep(tmp_path / f"{i:02d}.png", body(i), 4095) for i in range(40)]
    clean = read(*paths)
    marked = np.asarray(Image.open(paths[7])).copy()
    marked[:3, :3] = 65535
    Image.fromarray(marked).save(paths[7])
    dirty = read(*paths)
    others = [i for i in range(40) if i != 7]
    assert np.array_equal(dirty[others], clean[others])
    assert np.array_equal(read(*(paths[i] for i in others)), clean[others])
    assert np.abs(dirty[7] - clean[7])[4:, 4:].max() <= 1


@pytest.mark.parametrize(("deeper", "few"), [(16, 1), (14, 20)])
def test_a_class_of_another_depth_is_not_dark(tmp_path, deeper, few):
    """Even images have 8 bits, odd ones 10; the first ``few`` of these more."""
    plain, deep_ = [], []
    for i in range(20):
        plain.append(tmp_path / f"a{i}.png")
        Image.fromarray((255 * body(i)).astype(np.uint8)).save(plain[-1])
        white = 2 ** (deeper if i < few else 10) - 1
        deep_.append(deep(tmp_path / f"b{i}.png", body(i), white))
    pixels = read(*plain, *deep_)
    assert np.abs(pixels[:20] - pixels[20:]).max() <= 2
    assert "several depths" in told(*plain, *deep_)


def test_dark_images_of_one_detector_stay_dark(tmp_path):
    bright = [deep(tmp_path / f"a{i}.png", body(i), 4095) for i in range(12)]
    dark = [deep(tmp_path / f"b{i}.png", body(i), 1000) for i in range(12)]
    pixels = read(*bright, *dark)
    assert pixels[12:].mean() == pytest.approx(pixels[:12].mean() * 1000 / 4095, rel=0.05)


def sbit(path, bits):
    data = path.read_bytes()
    chunk = b"sBIT" + bytes([bits])
    chunk = struct.pack(">I", 1) + chunk + struct.pack(">I", zlib.crc32(chunk))
    path.write_bytes(data[:33] + chunk + data[33:])
    return path


def test_a_png_that_states_its_bits(tmp_path):
    dark = sbit(deep(tmp_path / "low.png", body(1), 900), 12)
    stretched = sbit(deep(tmp_path / "high.png", body(1), 65535), 12)
    pixels = read(dark, stretched)
    assert pixels[0].mean() == pytest.approx(255 * body(1).mean() * 900 / 4095, rel=0.03)
    assert pixels[1].mean() == pytest.approx(255 * body(1).mean(), rel=0.03)
    assert "as their files state" in told(dark, stretched)


def packed_12_bit_tiff(values):
    """A TIFF of 12 bits a grey, as Pillow cannot write it."""
    a, b = values.reshape(-1, 2).astype(int).T
    data = np.stack([a >> 4, (a & 15) << 4 | b >> 8, b & 255], -1).astype(np.uint8).tobytes()
    height, width = values.shape
    tags = [(256, width), (257, height), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1)]
    tags += [(278, height), (279, len(data))]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory


def test_a_tiff_of_12_bits(tmp_path):
    path = tmp_path / "x.tif"
    path.write_bytes(packed_12_bit_tiff((900 * body(2)).astype(np.uint16)))
    assert read(path).mean() == pytest.approx(255 * body(2).mean() * 900 / 4095, rel=0.03)


@pytest.mark.parametrize("largest", [100, 255, 900, 4095, 65535])
@pytest.mark.parametrize("plain", [True, False])
def test_netpbm_of_any_white(tmp_path, largest, plain):
    values = np.rint(RAMP / 255 * largest).astype(int)
    head = f"P{2 if plain else 5}\n# made here\n32 32\n{largest}\n".encode()
    kind = ">u2" if largest > 255 else "u1"
    rows = " ".join(map(str, values.ravel())).encode() if plain else values.astype(kind).tobytes()
    path = tmp_path / "x.pgm"
    path.write_bytes(head + rows)
    assert np.abs(read(path)[0] - RAMP).max() <= 2


def test_a_colour_image_whose_16_bits_are_mostly_empty_is_refused(tmp_path):
    path = tmp_path / "x.png"
    rows = b"".join(b"\0" + bytes([7, 9]) * 3 * 8 for _ in range(8))
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
    ]
    data = b"\x89PNG\r\n\x1a\n"
    for kind, content in [*parts, (b"IEND", b"")]:
        crc = zlib.crc32(kind + content)
        data += struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)
    path.write_bytes(data)
    assert "8 bits a channel" in why(path)


# --- which zero is white, what lies on its side, pages, transparency


@pytest.mark.parametrize("white", [255, 4095, 65535])
def test_white_is_zero_is_inverted_once(tmp_path, white):
    pictures = [body(i) for i in range(4)]
    kind = np.uint8 if white == 255 else np.uint16
    normal, inverted = [], []
    for i, picture in enumerate(pictures):
        values = np.rint(white * picture).astype(kind)
        normal.append(tmp_path / f"n{i}.tif")
        Image.fromarray(values).save(normal[-1])
        inverted.append(tmp_path / f"i{i}.tif")
        # Pillow inverts 8 bits on their way to the disk, and back
        stored = values if kind == np.uint8 else white - values
        Image.fromarray(stored).save(inverted[-1], tiffinfo={262: 0})
        assert Image.open(inverted[-1]).tag_v2[262] == 0
    assert np.abs(read(*normal) - read(*inverted)).max() <= 1
    if white > 255:
        assert "4 images whose zero is white" in told(*inverted)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", [2, 3, 4, 5, 6, 7, 8])
def test_what_lies_on_its_side_is_put_upright(tmp_path, suffix, orientation):
    upright = np.zeros((32, 48), np.uint8)
    upright[:16, :24] = 200
    turns = {2: np.fliplr, 3: lambda x: np.rot90(x, 2), 6: lambda x: np.rot90(x, 1),
             8: lambda x: np.rot90(x, -1), 4: np.flipud, 5: np.transpose,
             7: lambda x: np.rot90(x, 2).T}  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"x.{suffix}"
    Image.fromarray(np.ascontiguousarray(turns[orientation](upright))).save(path, exif=exif)
    batch = read_images([path], 32)
    expected = np.asarray(Image.fromarray(upright).resize((32, 32)))
    assert np.abs(batch.pixels[0, 0].astype(int) - expected)[2:-2, 2:-2].mean() < 6
    assert tuple(batch.traits[0][["height", "width"]]) == (32, 48)
    assert "1 image lying on their side" in told(path)


def test_damaged_exif_costs_no_image(tmp_path):
    path = tmp_path / "x.jpg"
    Image.fromarray(RAMP).save(path, exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01" + bytes(9))
    assert np.abs(read(path)[0] - RAMP).max() <= 12


@pytest.mark.parametrize("suffix", ["tif", "gif", "webp", "png"])
def test_only_the_first_page_is_read_and_that_is_said(tmp_path, suffix):
    pages = [Image.fromarray((255 * body(i)).astype(np.uint8)) for i in range(3)]
    one, all_ = tmp_path / f"one.{suffix}", tmp_path / f"all.{suffix}"
    pages[0].save(one)
    pages[0].save(all_, save_all=True, append_images=pages[1:])
    assert np.abs(read(one) - read(all_)).max() <= 8
    assert "1 image with several pages" in told(one, all_)


def test_content_in_the_transparency_is_read_where_there_is_no_other(tmp_path):
    colour = np.zeros((32, 32, 4), np.uint8)
    colour[..., 3] = RAMP
    alone, beside = tmp_path / "alone.png", tmp_path / "beside.png"
    Image.fromarray(colour).save(alone)
    colour[..., :3], colour[..., 3] = RAMP[..., None], 255 - RAMP
    Image.fromarray(colour).save(beside)
    assert np.abs(read(alone, beside) - RAMP).max() <= 1
    assert "1 image with all content in the transparency" in told(alone, beside)


@pytest.mark.parametrize("suffix", ["gif", "jp2", "pgm", "bmp", "webp"])
def test_further_formats(tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    Image.fromarray(RAMP).save(path)
    assert np.abs(read(path)[0] - RAMP).max() <= 12


def test_jpeg_2000_of_16_bits(tmp_path):
    path = deep(tmp_path / "x.jp2", body(3), 4095, irreversible=False)
    assert read(path).mean() == pytest.approx(255 * body(3).mean(), rel=0.03)


# --- what is not opened


@pytest.mark.parametrize("side", [10_001, 14_000])
def test_too_many_pixels_are_not_decoded(tmp_path, side):
    """Below and above what Pillow itself refuses."""
    path = tmp_path / "x.png"
    Image.new("1", (side, side)).save(path)
    begun = time.monotonic()
    reason = why(path)
    assert time.monotonic() - begun < 0.5
    assert str(side) in reason or str(side * side) in reason
    assert f"more than {MAX_PIXELS // 10**6} million" in reason


def test_what_is_no_file_is_refused_before_it_is_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s.png"))
        begun = time.monotonic()
        batch = read_images([tmp_path / n for n in ("pipe.png", "folder.png", "s.png")], 8)
        assert time.monotonic() - begun < 1
    assert [reason for _, reason in batch.bad] == [
        "a device or pipe, no file", "a folder, no file", "a device or pipe, no file",
    ]  # fmt: skip


def test_a_file_that_would_start_another_program_is_no_image(tmp_path):
    file = io.BytesIO()
    Image.fromarray(RAMP).convert("RGB").save(file, "EPS")
    path = tmp_path / "x.png"
    path.write_bytes(file.getvalue())
    assert why(path) == "not an image"
