"""docs/extending/encoder.md does what it says."""

from pathlib import Path

import numpy as np
from extending.pages import install

from echomort.encoders.encoder import Encoder
from echomort.encoders.spec import check_encoders, read_spec
from echomort.settings import validate

CLIP = np.random.default_rng(1).integers(0, 255, (60, 109, 150), dtype=np.uint8)


def test_the_encoder_of_the_page_embeds_a_clip(tmp_path: Path) -> None:
    install("encoder.md", tmp_path).python("import make_noise")
    named = {"specs": [str(tmp_path / "noise.yaml")], "accepted_licences": ["CC0 1.0"]}
    check_encoders(validate({"encoders": named}).encoders)
    encoder = Encoder.load(read_spec(tmp_path / "noise.yaml"))
    encoder.check(CLIP, 30)
    assert encoder.embed([CLIP, CLIP[::-1]], 30).shape == (2, 32)
