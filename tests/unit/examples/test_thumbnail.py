from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageCms

from ecs_tasks.examples.thumbnail.server import MAX_SIZE, RefusedError, thumbnail, wanted_size

RED, BLUE = (255, 0, 0), (0, 0, 255)
ORIENTATION = 0x0112


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def opened(png: bytes) -> Any:
    image = Image.open(BytesIO(png))
    assert image.format == "PNG"
    return image


@pytest.mark.parametrize(
    ("original", "size", "expected"),
    [
        ((400, 200), 128, (128, 64)),  # wide
        ((200, 400), 128, (64, 128)),  # tall
        ((300, 300), 1, (1, 1)),  # the smallest there is
        ((3000, 2), 100, (100, 1)),  # a line keeps a pixel
        ((40, 20), 128, (40, 20)),  # never enlarged
    ],
)
def test_the_aspect_is_kept(original, size, expected):
    png = thumbnail(encoded(Image.new("RGB", original)), size=size)

    assert opened(png).size == expected


@pytest.mark.parametrize("kind", ["AVIF", "BMP", "GIF", "JPEG", "PNG", "WEBP"])
def test_each_format_becomes_a_png(kind):
    png = thumbnail(encoded(Image.new("RGB", (200, 100), RED), kind), size=50)

    image = opened(png).convert("RGB")
    assert image.size == (50, 25)
    assert all(abs(seen - painted) < 8 for seen, painted in zip(image.getpixel((25, 12)), RED, strict=True))


@pytest.mark.parametrize("kind", ["AVIF", "JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("orientation", "size", "red_corner"),
    [
        (1, (50, 25), (5, 5)),  # as stored
        (2, (50, 25), (45, 5)),  # mirrored
        (3, (50, 25), (45, 20)),  # upside down
        (6, (25, 50), (20, 5)),  # turned right
        (8, (25, 50), (5, 45)),  # turned left
    ],
)
def test_the_camera_s_orientation_is_applied_once(kind, orientation, size, red_corner):
    image = Image.new("RGB", (200, 100), BLUE)
    image.paste(RED, (0, 0, 100, 50))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation

    upright = opened(thumbnail(encoded(image, kind, exif=exif), size=50))

    assert upright.size == size
    assert upright.convert("RGB").getpixel(red_corner)[0] > 200
    assert ORIENTATION not in upright.getexif()


def test_an_animation_gives_its_first_frame():
    second = Image.new("RGB", (100, 100), BLUE)
    for kind in ("GIF", "WEBP", "PNG"):
        animation = encoded(
            Image.new("RGB", (100, 100), RED), kind, save_all=True, append_images=[second], duration=40
        )

        image = opened(thumbnail(animation, size=50))

        assert getattr(image, "n_frames", 1) == 1
        assert image.convert("RGB").getpixel((25, 25))[0] > 200


def test_transparency_is_kept():
    palette = Image.new("P", (100, 100), 1)
    palette.putpalette([0, 0, 0, *RED])
    see_through = encoded(palette, transparency=1)

    assert opened(thumbnail(see_through, size=50)).getpixel((25, 25))[3] == 0


def test_print_colours_become_screen_colours_without_the_printer_s_profile():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    cyan = encoded(Image.new("CMYK", (100, 100), (255, 0, 0, 0)), "JPEG", icc_profile=profile)

    image = opened(thumbnail(cyan, size=50))

    assert image.mode == "RGB"
    assert "icc_profile" not in image.info


def test_a_photo_keeps_its_colour_profile():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = encoded(Image.new("RGB", (100, 100), RED), "JPEG", icc_profile=profile)

    assert opened(thumbnail(photo, size=50)).info["icc_profile"] == profile


def test_sixteen_bits_of_grey_are_not_clipped_to_white():
    grey = Image.new("I;16", (100, 100), 0x8000)

    assert opened(thumbnail(encoded(grey), size=50)).getpixel((25, 25)) == 0x8000


@pytest.mark.parametrize(
    "shape", [(5000, 4001), (7000, 6000)]
)  # just over the limit, and over twice the limit
def test_a_decompression_bomb_is_refused_unopened(shape):
    bomb = encoded(Image.new("1", shape))

    with pytest.raises(RefusedError, match="up to 20000000 pixels") as refused:
        thumbnail(bomb, size=128)

    assert refused.value.status == 422


@pytest.mark.parametrize(
    "body",
    [
        b"",  # nothing
        b"plain text",  # no image
        encoded(Image.effect_noise((200, 200), 50))[:-2000],  # a cut upload
        encoded(Image.effect_noise((200, 200), 50), "AVIF")[:-2000],  # whose decoder has errors of its own
        encoded(Image.new("RGB", (20, 20)), "EPS"),  # would start Ghostscript
    ],
    ids=["empty", "text", "cut PNG", "cut AVIF", "EPS"],
)
def test_what_is_no_readable_image_is_refused(body):
    with pytest.raises(RefusedError, match="no readable image") as refused:
        thumbnail(body, size=128)

    assert refused.value.status == 422


@pytest.mark.parametrize(
    ("query", "expected"), [("", 128), ("size=1", 1), (f"size={MAX_SIZE}", MAX_SIZE), ("colour=red", 128)]
)
def test_the_size_in_the_query(query, expected):
    assert wanted_size(query) == expected


@pytest.mark.parametrize("query", ["size=", "size=big", "size=1.5", "size=0", "size=-1", "size=2049"])
def test_a_bad_size_is_refused(query):
    with pytest.raises(RefusedError, match="size is a whole number") as refused:
        wanted_size(query)

    assert refused.value.status == 400
