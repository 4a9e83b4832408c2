import pytest

from neurodyn.errors import ConfigError, DataError
from neurodyn.training.cards import Card, read_card, write_card

CARD = {
    "name": "x",
    "architecture": "cordsnet",
    "config": {"depth": 2},
    "recipe": {"name": "cordsnet", "parameters": {"n_epochs": 3}},
    "data": "digits",
    "seed": 0,
    "weights": {"file": "x.safetensors", "sha256": "0" * 64},
    "metrics": {"test_accuracy": 0.9, "by_seed": {"0": 0.9}},
    "command": "neurodyn train x",
}


def test_round_trip(tmp_path):
    card = Card.model_validate(CARD)
    write_card(card, tmp_path / "x.yaml")
    assert read_card(tmp_path / "x.yaml") == card


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("architecture:", "architectur:", r"unknown key `architectur`; did you mean `architecture`\?|`architecture` is missing"),
        ("seed: 0", "sed: 0\nseed: 0", r"x\.yaml:\d+: unknown key `sed`; did you mean `seed`\?"),
        ("  file:", "  fille:", r"weights"),
        ("seed: 0", "seed: zero", "`seed` is 'zero'"),
    ],
)
def test_bad_keys(tmp_path, old, new, match):
    path = tmp_path / "x.yaml"
    write_card(Card.model_validate(CARD), path)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ConfigError, match=match):
        read_card(path)


def test_bad_files(tmp_path):
    with pytest.raises(DataError, match="missing"):
        read_card(tmp_path / "none.yaml")
    (tmp_path / "x.yaml").write_text("- 1\n")
    with pytest.raises(DataError, match="holds a list"):
        read_card(tmp_path / "x.yaml")
    (tmp_path / "x.yaml").write_text("a: [1\n")
    with pytest.raises(DataError, match="not YAML"):
        read_card(tmp_path / "x.yaml")
