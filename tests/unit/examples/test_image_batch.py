import json
from io import BytesIO

import pytest
from botocore.exceptions import ClientError
from PIL import Image

from ecs_tasks.examples.image_batch.server import (
    MAX_IMAGE_BYTES,
    MAX_SIZE,
    RefusedError,
    Thumbnails,
    Wanted,
    paths,
    wanted,
)


def picture(size=(40, 20), kind="PNG", mode="RGB") -> bytes:
    buffer = BytesIO()
    Image.new(mode, size).save(buffer, kind)
    return buffer.getvalue()


def put(s3, bucket: str, **objects: bytes) -> None:
    for name, body in objects.items():
        s3.put_object(Bucket=bucket, Key=name, Body=body)


def made(s3, key: str) -> tuple[str | None, tuple[int, int]]:
    image = Image.open(BytesIO(s3.get_object(Bucket="small", Key=key)["Body"].read()))
    return image.format, image.size


def test_each_image_of_a_batch_gets_a_thumbnail_under_its_own_path(s3):
    put(s3, "pictures", one=picture(), two=picture((20, 80), "JPEG"))
    put(s3, "scans", one=picture())
    thumbnails = Thumbnails(s3, Wanted(bucket="small", folder="out/", size=10))

    answer = thumbnails.make([("pictures", "one"), ("pictures", "two"), ("scans", "one")])

    assert answer == {
        "thumbnails": {
            "s3://pictures/one": "s3://small/out/pictures/one.png",
            "s3://pictures/two": "s3://small/out/pictures/two.png",
            "s3://scans/one": "s3://small/out/scans/one.png",
        },
        "unusable": {},
    }
    assert [made(s3, f"out/pictures/{name}.png") for name in ("one", "two")] == [
        ("PNG", (10, 5)),
        ("PNG", (2, 10)),
    ]


def test_an_image_that_is_of_no_use_is_named_and_the_others_get_their_thumbnails(s3):
    large = b"\0" * (MAX_IMAGE_BYTES + 1)
    put(s3, "pictures", one=picture(), text=b"no image", large=large, bomb=picture((5000, 4001), mode="1"))
    thumbnails = Thumbnails(s3, Wanted(bucket="small", folder="", size=10))

    names = ("text", "missing", "large", "bomb", "one")
    answer = thumbnails.make([("pictures", name) for name in names])

    assert answer["thumbnails"] == {"s3://pictures/one": "s3://small/pictures/one.png"}
    assert answer["unusable"] == {
        "s3://pictures/text": "no readable image (AVIF, BMP, GIF, JPEG, PNG, WEBP)",
        "s3://pictures/missing": "there is no such object",
        "s3://pictures/large": f"an image may have up to {MAX_IMAGE_BYTES} bytes",
        "s3://pictures/bomb": "the image may have up to 20000000 pixels",
    }


def test_what_may_not_be_read_is_of_no_use_since_s3_calls_what_is_missing_so(s3, monkeypatch):
    def denied(**_) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, "GetObject")

    monkeypatch.setattr(s3, "get_object", denied)

    answer = Thumbnails(s3, Wanted(bucket="small", folder="", size=10)).make([("pictures", "missing")])

    assert answer["unusable"] == {"s3://pictures/missing": "there is no such object, or it may not be read"}


def test_paths_are_split_at_the_first_slash_behind_the_bucket():
    body = json.dumps(["s3://a-bucket/one", "s3://b.ucket/a/b c/d\n.jpg"]).encode()

    assert paths(body) == [("a-bucket", "one"), ("b.ucket", "a/b c/d\n.jpg")]


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"\xff", b'"s3://a-bucket/x"', b"{}"),  # no array
        *(b"[5]", b"[null]", b'["a-bucket/x"]', b'["s3://a-bucket"]', b'["s3://a-bucket/"]'),  # no path
        b'["s3://a-bucket/x", "x"]',  # one of two
    ],
)
def test_what_is_no_batch_of_paths_is_refused(body):
    with pytest.raises(RefusedError) as refused:
        paths(body)

    assert refused.value.status == 422


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"dest_s3_dir": "s3://small"}, Wanted(bucket="small", folder="", size=128)),
        ({"dest_s3_dir": "s3://small/a/b/"}, Wanted(bucket="small", folder="a/b/", size=128)),
        ({"dest_s3_dir": "s3://small/a", "size": 1}, Wanted(bucket="small", folder="a/", size=1)),
    ],
)
def test_what_the_jobs_config_asks_for(config, expected):
    assert wanted({"config": config}) == expected


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({}, "dest_s3_dir must be s3://bucket/folder, not null"),
        ({"config": {"dest_s3_dir": "small"}}, 'not "small"'),
        ({"config": {"dest_s3_dir": 5}}, "not 5"),
        *(
            (
                {"config": {"dest_s3_dir": "s3://small", "size": size}},
                "size must be a whole number from 1 to 2048",
            )
            for size in (0, MAX_SIZE + 1, 1.5, "big", True)
        ),
    ],
)
def test_a_job_that_asks_for_nothing_possible_is_told_so_by_each_batch(spec, reason):
    with pytest.raises(RefusedError, match=reason) as refused:
        wanted(spec)

    assert refused.value.status == 422
