"""The notebook runs from top to bottom as the script it is."""

import runpy
from pathlib import Path

NOTEBOOK = Path(__file__).resolve().parents[2] / "analyses" / "notebooks" / "first_steps.py"


def test_the_notebook_runs(capsys):
    import matplotlib

    with matplotlib.rc_context():
        made = runpy.run_path(str(NOTEBOOK))
    assert "guessed" in capsys.readouterr().out
    assert (made["guesses"] == made["labels"]).mean() >= 0.5
    assert NOTEBOOK.read_text(encoding="utf-8").startswith("# %%")
