"""A picture for the demo."""

import io

from PIL import Image, ImageDraw


def picture() -> bytes:
    """A drawing of 1200 x 800 pixels as JPEG."""
    image = Image.linear_gradient("L").resize((1200, 800)).convert("RGB")
    draw = ImageDraw.Draw(image)
    for radius, colour in ((300, "navy"), (220, "teal"), (140, "gold"), (60, "crimson")):
        draw.ellipse((600 - radius, 400 - radius, 600 + radius, 400 + radius), fill=colour)
    encoded = io.BytesIO()
    image.save(encoded, "JPEG")
    return encoded.getvalue()
