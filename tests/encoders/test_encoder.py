"""An encoder that somebody brings is taken as its spec says, or refused in one line that says why."""

import numpy as np
import pytest
import torch
import yaml
from encoder_files import INPUT, LICENCE, Constant, Flicker, RandomProjection, loops, write_encoder, write_spec
from torch import nn

from echomort.core.errors import UserError
from echomort.core.fingerprint import digest_file
from echomort.encoders.encoder import Encoder, prepared
from echomort.encoders.head import fit_head, pooled
from echomort.encoders.spec import EncoderInput, check_encoders, read_spec
from echomort.evaluation import auc
from echomort.models.rows import LabelledRows
from echomort.settings import validate
from echomort.settings.sections import Encoders

PATIENTS, FOLDS = 240, 4


def area(module: nn.Module, numbers: int, tmp_path) -> float:
    """The AUC, out of fold, of the linear model on what ``module`` makes of loops."""
    draw = np.random.default_rng(2)
    label = (draw.random(PATIENTS) < 0.4).astype(int)
    encoder = Encoder.load(read_spec(write_encoder(tmp_path, "one", module, numbers)))
    clips = loops(label)
    encoder.check(clips[0], 30)
    embeddings = encoder.embed(clips, 30)
    assert embeddings.shape == (PATIENTS, numbers) and embeddings.dtype == np.float32
    rows = LabelledRows.of(label.tolist(), (np.arange(PATIENTS) % FOLDS).tolist(), [f"p{n}" for n in range(PATIENTS)])
    scores = fit_head(embeddings.astype(float), rows, 100).scores
    inside = [auc(label[rows.folds == fold], scores.logits[rows.folds == fold]) for fold in range(FOLDS)]
    return float(np.mean(inside))


def test_an_encoder_that_sees_what_was_planted_finds_it_and_one_that_sees_nothing_does_not(tmp_path) -> None:
    assert area(Flicker(), 1, tmp_path) > 0.7
    assert area(RandomProjection(), 4, tmp_path) == pytest.approx(0.5, abs=0.09)
    assert area(Constant(), 2, tmp_path) == 0.5


def test_no_label_of_a_fold_reaches_its_scores(tmp_path) -> None:
    draw = np.random.default_rng(3)
    label, fold = draw.integers(0, 2, 90), np.arange(90) % 3
    embeddings, patients = draw.normal(size=(90, 5)), [f"p{n}" for n in range(90)]
    turned = np.where(fold == 1, 1 - label, label)
    one, other = (fit_head(embeddings, LabelledRows.of(some, fold, patients), 1.0).scores for some in (label, turned))
    assert np.array_equal(one.logits[fold == 1], other.logits[fold == 1])
    assert not np.allclose(one.logits[fold == 0], other.logits[fold == 0])
    assert np.array_equal(one.without[fold == 0, 1], other.without[fold == 0, 1])


def test_the_clips_of_a_study_are_averaged() -> None:
    assert pooled({"b": np.array([1.0, 3.0]), "a": np.array([3.0, 5.0])}).tolist() == [2.0, 4.0]


def test_a_clip_is_scaled_resampled_and_normalised_as_the_spec_says() -> None:
    wanted = EncoderInput(
        frames=4, height=8, width=12, fps=15, colour="rgb", white=255, mean=(10, 20, 30), std=(2, 4, 5)
    )
    clip = np.repeat(np.array([100, 0, 140, 0, 180], np.uint8), 16 * 16).reshape(5, 16, 16)
    made = prepared(clip, 30, wanted)
    assert made.shape == (3, 4, 8, 12) and made.dtype == torch.float32
    middle = made[:, :, 4, 6].numpy() * np.array([[2], [4], [5]]) + np.array([[10], [20], [30]])
    assert middle[0].tolist() == pytest.approx([100, 180, 0, 0]), "two frames at 15 a second, then black"
    assert np.allclose(middle, middle[:1]), "grey in all three channels"
    assert made[0, 0, 0, 0] == -5 and made[0, 0, 0, 2] == 45, "black beside a square picture"


def test_the_same_clips_give_the_same_bits_beside_others(tmp_path) -> None:
    encoder = Encoder.load(read_spec(write_encoder(tmp_path, "one", RandomProjection(), 4)))
    clips = loops(np.zeros(20, int))
    assert np.array_equal(encoder.embed(clips, 30), encoder.embed(clips, 30))
    assert encoder.embed([], 30).shape == (0, 4)


class Dropping(RandomProjection):
    """In the mode of training for ever, as a module traced in it is."""

    def forward(self, pixels):
        return super().forward(nn.functional.dropout(pixels, 0.5, True))


class OfTheBatch(RandomProjection):
    def forward(self, pixels):
        return super().forward(nn.functional.batch_norm(pixels, None, None, training=True))


class Changed(RandomProjection):
    """Gives something else than it should."""

    def __init__(self, change):
        super().__init__()
        self.change = change

    def forward(self, pixels):
        return self.change(super().forward(pixels))


@pytest.mark.parametrize(
    ("module", "refused"),
    [
        (nn.Conv3d(3, 4, 3), r"does not take the input that its spec states, float32 \(1, 1, 6, 16, 20\).*channels"),
        (nn.Flatten(), r"gives float32 \(1, 1920\), where its spec states float32 \(1, 4\).*correct output"),
        (Changed(torch.Tensor.half), r"gives float16 \(1, 4\), where its spec states float32"),
        (Changed(lambda made: (made, made)), "gives tuple, where its spec states"),
        (Changed(lambda made: made / 0), "gives numbers that are not finite.*white, mean and std"),
        (Dropping(), r"other numbers when it is asked again.*\.eval\(\)"),
        (OfTheBatch(), r"other numbers when another clip is beside it.*\.eval\(\)"),
    ],
)
def test_an_encoder_that_does_not_do_what_its_spec_says_is_refused(tmp_path, module, refused) -> None:
    example = {3: torch.rand(2, 3, 6, 16, 20)}.get(getattr(module, "in_channels", 1), torch.rand(2, 1, 6, 16, 20))
    file = write_encoder(tmp_path, "one", module, 4, example=example)
    with pytest.raises(UserError, match=refused) as error:
        Encoder.load(read_spec(file)).check(loops(np.zeros(1, int))[0], 30)
    assert "\n" not in str(error.value) and str(tmp_path) not in str(error.value)


def test_an_encoder_of_another_type_of_numbers_is_refused(tmp_path) -> None:
    file = write_encoder(tmp_path, "one", RandomProjection().double(), 4, example=torch.rand(2, 1, 6, 16, 20).double())
    with pytest.raises(UserError, match="does not take the input that its spec states, float32"):
        Encoder.load(read_spec(file)).check(loops(np.zeros(1, int))[0], 30)


def test_weights_that_are_no_torchscript_or_of_another_hash_are_refused_before_they_are_read(tmp_path) -> None:
    file = write_encoder(tmp_path, "one", Constant(), 2)
    content = yaml.safe_load(file.read_text())
    torch.save({"a": torch.ones(2)}, tmp_path / "one.pt")
    with pytest.raises(UserError, match="not those that its spec names"):
        Encoder.load(read_spec(file))
    write_spec(file, {**content, "sha256": digest_file(tmp_path / "one.pt")})
    with pytest.raises(UserError, match="are no TorchScript file"):
        Encoder.load(read_spec(file))
    (tmp_path / "one.pt").unlink()
    with pytest.raises(UserError, match=r"the weights one\.pt of the encoder one can't be read"):
        Encoder.load(read_spec(file))


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({"licence": None}, "licence is missing"),
        ({"licence": ""}, "licence: "),
        ({"terms": None}, "terms is missing"),
        ({"sha256": "abc"}, "sha256: "),
        ({"output": 0}, "output: "),
        ({"more": 1}, "more: "),
        ({"name": "two"}, "a key that no spec has"),
        ({"input": {**INPUT, "colour": "rgb"}}, "input: mean and std have 3 numbers where colour is rgb"),
        ({"input": {**INPUT, "std": [0.0]}}, r"input\.std\.0: "),
        ({"input": {**INPUT, "fps": float("nan")}}, r"input\.fps: "),
    ],
)
def test_a_spec_that_lacks_something_is_refused_with_its_key(tmp_path, changed, refused) -> None:
    file = write_encoder(tmp_path, "one", Constant(), 2)
    write_spec(file, yaml.safe_load(file.read_text()) | changed)
    with pytest.raises(UserError, match=rf"the encoder's spec one\.yaml \(encoders\.specs\): {refused}.*encoder\.md"):
        read_spec(file)


def test_a_spec_that_is_no_spec_is_refused(tmp_path) -> None:
    with pytest.raises(UserError, match="can't be read"):
        read_spec(tmp_path / "gone.yaml")
    for text, refused in {"a: [": "no valid YAML", "- a": "no mapping", "1: 2": "a key that no spec has"}.items():
        (tmp_path / "one.yaml").write_text(text)
        with pytest.raises(UserError, match=refused):
            read_spec(tmp_path / "one.yaml")


def test_a_licence_must_be_accepted_by_its_name(tmp_path) -> None:
    file = write_encoder(tmp_path, "one", Constant(), 2)
    for accepted in ((), ("MIT",)):
        with pytest.raises(UserError, match=r"is not accepted \(CC BY-NC 4\.0; .*by-nc/4.*accepted_licences"):
            check_encoders(Encoders(specs=(file,), accepted_licences=accepted))
    check_encoders(Encoders(specs=(file,), accepted_licences=(LICENCE,)))
    (tmp_path / "one.pt").write_bytes(b"other")
    with pytest.raises(UserError, match="not those that its spec names"):
        check_encoders(Encoders(specs=(file,), accepted_licences=(LICENCE,)))


def test_what_decides_embeddings_is_the_weights_and_what_goes_in(tmp_path) -> None:
    file = write_encoder(tmp_path, "one", Constant(), 2)
    content, before = yaml.safe_load(file.read_text()), read_spec(file).digest
    for same in ({"licence": "MIT"}, {"terms": "elsewhere"}, {"weights": "copy.pt"}):
        assert read_spec(write_spec(file, content | same)).digest == before
    for other in ({"sha256": "0" * 64}, {"output": 3}, {"input": {**INPUT, "fps": 15}}):
        assert read_spec(write_spec(file, content | other)).digest != before


def test_the_name_of_a_spec_is_a_name_that_a_report_can_show() -> None:
    for files in (["my encoder.yaml"], ["1.yaml"], ["a.json"], ["x/a.yaml", "y/a.yml"]):
        with pytest.raises(UserError, match="encoders"):
            validate({"encoders": {"specs": files}})
    assert validate({"encoders": {"specs": "a.yaml", "accepted_licences": "MIT"}}).encoders.accepted_licences == (
        "MIT",
    )
