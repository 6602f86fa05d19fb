"""One image as cameras, drawing programs and attackers make it."""

import io
import struct
import zlib
from collections import Counter

import numpy as np
import pytest
from PIL import Image, ImageOps

from qimlp.data.readers.images import FORMATS, MOST_PIXELS, change_notes, decode_image


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def decoded(image: Image.Image, kind: str = "PNG", **options: object) -> np.ndarray:
    return decode_image(encoded(image, kind, **options), "here")


def grey(value: int, height: int = 2, width: int = 3) -> Image.Image:
    return Image.new("L", (width, height), value)


@pytest.mark.parametrize(("mode", "shape"), [("1", (2, 3)), ("L", (2, 3)), ("P", (3, 2, 3))])
def test_modes_that_convert_without_loss(mode, shape):
    found = decoded(grey(255).convert(mode))
    assert found.shape == shape
    assert found.min() == 255


@pytest.mark.parametrize("mode", ["I;16", "I"])
def test_deep_pixels_are_refused(mode):
    data = encoded(Image.new(mode, (3, 2)), "TIFF")
    with pytest.raises(ValueError, match=f"here: expected an 8-bit grey or RGB image, .* {mode}"):
        decode_image(data, "here")


def test_cmyk_becomes_rgb_and_is_counted():
    changes: Counter[str] = Counter()
    data = encoded(Image.new("CMYK", (3, 2), (0, 255, 255, 0)), "TIFF")
    found = decode_image(data, "here", changes)
    assert found[:, 0, 0].tolist() == [255, 0, 0]
    assert changes == {"CMYK colours converted to RGB": 1}


def test_deep_colours_are_read_as_8_bit_ones_and_counted():
    """A PNG of 16-bit colours, which Pillow reads but does not write."""
    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" + struct.pack(">6H", 0x1234, 0, 0xFFFF, 0x8000, 0x00FF, 0x0100))
    data = b"\x89PNG\r\n\x1a\n"
    for name, content in ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")):
        crc = struct.pack(">I", zlib.crc32(name + content))
        data += struct.pack(">I", len(content)) + name + content + crc
    changes: Counter[str] = Counter()
    assert decode_image(data, "here", changes)[:, 0].T.tolist() == [[0x12, 0, 0xFF], [0x80, 0, 1]]
    assert change_notes(changes, "here") == (
        "here: 1 image with 16-bit colours read as 8-bit ones",
    )


def test_a_photo_of_two_frames_is_a_jpeg():
    """As phones write them: MPO, a JPEG file with a second one behind it."""
    data = encoded(grey(50), "MPO", save_all=True, append_images=[grey(250)])
    assert abs(int(decode_image(data, "here").max()) - 50) < 3


def quadrants() -> Image.Image:
    return Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4) * 20)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(quadrants(), kind, exif=exif, **options)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        upright = np.asarray(ImageOps.exif_transpose(image))
    upright = upright if upright.ndim == 2 else upright.transpose(2, 0, 1)
    assert upright.shape[-2:] == ((3, 4) if orientation < 5 else (4, 3))
    np.testing.assert_array_equal(decode_image(data, "here"), upright)


@pytest.mark.parametrize("exif", [b"Exif\0\0broken", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"x" * 99])
def test_damaged_exif_says_nothing(exif):
    found = decoded(quadrants(), "PNG", exif=exif)
    np.testing.assert_array_equal(found, np.asarray(quadrants()))


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_what_is_transparent_is_laid_on_white(mode):
    """Grey 10 with alpha 0, 128 and 255: 255, 10 * 128 / 255 + 127 = 132, 10."""
    pixels = np.array([[[10, 0], [10, 128], [10, 255]]], np.uint8)
    image = Image.fromarray(pixels, "LA").convert(mode)
    found = decoded(image)
    assert found.shape == ((1, 3) if mode == "LA" else (3, 1, 3))
    assert found.reshape(-1, 3)[0].tolist() == [255, 132, 10]


def test_a_transparent_colour_of_a_palette():
    image = Image.new("P", (4, 4), 0)
    image.putpalette([9, 9, 9] * 256)
    image.putdata([0, 1] * 8)
    for kind in ("PNG", "GIF"):
        found = decoded(image, kind, transparency=0)
        assert found[:, 0, :2].tolist() == [[255, 9]] * 3


@pytest.mark.parametrize(("mode", "key"), [("L", 7), ("RGB", (7, 7, 7))])
def test_a_transparent_colour_without_a_palette(mode, key):
    image = Image.fromarray(np.array([[7, 8]], np.uint8)).convert(mode)
    found = decoded(image, transparency=key)
    assert found.reshape(-1, 2)[0].tolist() == [255, 8]


def test_an_opaque_alpha_channel_changes_nothing():
    changes: Counter[str] = Counter()
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(pixels).convert("RGBA"))
    np.testing.assert_array_equal(decode_image(data, "x", changes), pixels.transpose(2, 0, 1))
    assert not changes
    decode_image(encoded(Image.new("RGBA", (2, 2))), "x", changes)
    assert changes == {"transparent pixels laid on white": 1}


def test_the_first_frame_is_read():
    frames = [Image.new("P", (3, 2), 0) for _ in range(3)]
    for number, frame in enumerate(frames):
        frame.putpalette([50 * number] * 768)
    found = decoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert found.shape == (3, 2, 3)
    assert found.max() == 0


@pytest.mark.parametrize("side", [(20_000, 10_000), (10_000, 10_000)])
def test_a_very_large_image_is_one_line(side):
    data = encoded(Image.new("1", side))
    with pytest.raises(ValueError, match=r"^here: .*at most 67,108,864 .* got \d00,000,000 pixels"):
        decode_image(data, "here")


def test_the_largest_image():
    """A header that asks for exactly the limit is looked at further, and is truncated."""
    data = encoded(grey(0))
    header = struct.pack(">II", 4, MOST_PIXELS // 4) + data[24:29]
    crc = zlib.crc32(b"IHDR" + header)
    data = data[:16] + header + struct.pack(">I", crc) + data[33:]
    with pytest.raises(ValueError, match=r"^here: cannot be read as an image \(empty, truncated"):
        decode_image(data, "here")


def test_no_program_is_started(monkeypatch):
    def run(*_, **__):
        raise AssertionError("a program")

    monkeypatch.setattr("subprocess.Popen", run)
    monkeypatch.setattr("os.system", run)
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    for data in (postscript, b"%PDF-1.4\n", b"<svg/>", b"", encoded(grey(0), "ICO")):
        with pytest.raises(
            ValueError, match=r"^here: cannot be read as .*: no known image format$"
        ):
            decode_image(data, "here")


SAMPLES = {
    "BMP": {},
    "GIF": {},
    "JPEG": {},
    "PNG": {},
    "PPM": {},
    "TIFF": {"compression": "tiff_lzw"},
    "WEBP": {},
}


@pytest.mark.parametrize("kind", FORMATS)
def test_damage_is_one_line(kind):
    """Truncated, and with bytes changed: pixels or one line, never another exception."""
    data = encoded(quadrants(), kind, **SAMPLES[kind])
    generator = np.random.default_rng(len(kind))
    lines = []
    for number in range(250):
        if number < 50:
            broken = data[: number * len(data) // 50]
        else:
            changed = np.frombuffer(data, np.uint8).copy()
            changed[generator.integers(0, min(len(data), 400), 4)] = generator.integers(0, 256, 4)
            broken = changed.tobytes()
        try:
            found = decode_image(broken, "here")
        except ValueError as error:
            lines.append(str(error))
        else:
            assert found.dtype == np.uint8
            assert found.ndim in (2, 3)
    assert len(lines) >= 45
    assert all(line.startswith("here: ") and len(line.splitlines()) == 1 for line in lines)
    assert max(map(len, lines)) < 300
