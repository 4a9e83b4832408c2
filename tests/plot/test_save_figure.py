"""Figures on disk: the same bytes every time, whole or not there, with the numbers they show."""

import csv
import subprocess
import sys

import numpy as np
import pytest

from neurodyn.errors import ArtefactError, ConfigError
from neurodyn.plot import COLOURS, figure, house_style, panel_letter, plotted_numbers, save_figure


def drawn():
    with house_style():
        fig = figure("single", 50)
        left, right = fig.subplots(1, 2)
        left.plot([0, 1, 2], [1.0, np.nan, 3.0], label="rate")
        left.scatter([5], [6], c=[0.25], label="dot")
        left.bar([0, 1], [2, 3], label="count")
        left.fill_between([0, 1], [0, 0], [1, 2], label="SEM")
        left.errorbar([1], [2], yerr=[0.5], label="ci")
        right.imshow([[1, 2], [3, 4]])
        right.pcolormesh(np.array([[5.0, 6.0]]))
        left.set_xlabel("Time (ms)")
        panel_letter([left, right])
        return fig


def test_the_bytes_are_stable(tmp_path):
    one, other = save_figure(drawn(), tmp_path / "a"), save_figure(drawn(), tmp_path / "b.png")
    assert sorted(one) == ["csv", "pdf", "png", "svg"]
    for kind in one:
        assert one[kind].read_bytes() == other[kind].read_bytes(), kind
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(f"{n}.{k}" for n in "ab" for k in one)


def test_text_stays_text_and_fonts_are_embedded(tmp_path):
    files = save_figure(drawn(), tmp_path / "a")
    assert "Time (ms)" in files["svg"].read_text(encoding="utf-8")
    assert b"/FontType 42" in files["pdf"].read_bytes() or b"/CIDFontType2" in files["pdf"].read_bytes()


def test_the_numbers_are_those_drawn(tmp_path):
    files = save_figure(drawn(), tmp_path / "a")
    with open(files["csv"], encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    of = {(r["kind"], r["series"]): r for r in rows}
    assert [(r["x"], r["y"]) for r in rows if r["series"] == "rate"] == [("0", "1"), ("1", "nan"), ("2", "3")]
    assert (of["point", "dot"]["x"], of["point", "dot"]["value"], of["point", "dot"]["x_label"]) == ("5", "0.25", "Time (ms)")
    assert [(r["x"], r["y"]) for r in rows if r["kind"] == "bar"] == [("0", "2"), ("1", "3")]
    assert [r["value"] for r in rows if r["kind"] == "image" and r["panel"] == "1"] == ["5", "6", "1", "2", "3", "4"]
    assert {r["y"] for r in rows if r["kind"] == "segment"} == {"1.5", "2.5"}


def test_an_empty_figure_has_no_numbers():
    assert plotted_numbers(figure("half")) == []


def test_unknown_width():
    with pytest.raises(ConfigError, match="did you mean `single`"):
        figure("singel")


def test_a_folder_that_cannot_be_written():
    with pytest.raises(ArtefactError, match="cannot be written"):
        save_figure(drawn(), "/proc/figures/a")


def test_the_style_leaves_the_user_s_settings_alone():
    import matplotlib

    before = dict(matplotlib.rcParams)
    drawn()
    assert dict(matplotlib.rcParams) == before


def test_the_colours_are_okabe_and_ito_s():
    with house_style():
        import matplotlib

        cycle = [c["color"].upper().lstrip("#") for c in matplotlib.rcParams["axes.prop_cycle"]]
    assert cycle[:3] == [COLOURS[k].lstrip("#") for k in ("blue", "vermilion", "green")]


def test_plotting_needs_no_torch():
    code = "import sys, neurodyn.plot; print('torch' in sys.modules, 'sklearn' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("n_lines", [1, 3])
def test_a_note_has_room_for_all_its_lines(n_lines):
    from neurodyn.plot.style import figure_note

    with house_style():
        fig = figure("single", 60)
        ax = fig.subplots()
        ax.set_xlabel("x")
        figure_note(fig, "\n".join(["a line of the note"] * n_lines))
        fig.canvas.draw()
        note, label = (t.get_window_extent() for t in (fig.texts[-1], ax.xaxis.label))
    assert note.y0 >= 0 and note.y1 <= label.y0
