"""The style of all figures (palette, fonts), and their output as SVG, inline or as a file, as PDF and as PNG.

Colours are Okabe and Ito's (2008), safe for colour-blind readers. In the inline SVG each becomes a CSS variable, so
that figures follow the page into dark mode; in a PNG they are fixed, on white.
"""

import functools
import html
import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")
T = TypeVar("T")

PALETTE = {
    "ink": "#1b1f24",
    "muted": "#5d6772",
    "faint": "#aab2ba",
    "rule": "#d9dde1",
    "paper": "#ffffff",
    "blue": "#0072b2",
    "sky": "#56b4e9",
    "green": "#009e73",
    "orange": "#e69f00",
    "vermillion": "#d55e00",
    "purple": "#cc79a7",
}
KIND_COLOUR = {
    "view": "sky",
    "video": "blue",
    "ehr": "green",
    "baseline": "green",
    "fusion": "vermillion",
    "score": "purple",
    "encoder": "orange",
    "external": "orange",
    "oracle": "ink",
    "null": "faint",
    "plain": "blue",
}
"""The colour of a kind of model, the same in every figure."""

WIDE, HALF = 7.6, 3.75
"""Inches: widths of a figure over the whole page, and of one of two side by side. Chosen here, to fit the page."""

_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "text.color": PALETTE["ink"],
    "axes.labelcolor": PALETTE["muted"],
    "axes.labelsize": 8.5,
    "axes.edgecolor": PALETTE["faint"],
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "xtick.color": PALETTE["faint"],
    "ytick.color": PALETTE["faint"],
    "xtick.labelcolor": PALETTE["muted"],
    "ytick.labelcolor": PALETTE["ink"],
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.major.width": 0.7,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "grid.color": PALETTE["rule"],
    "grid.linewidth": 0.6,
    "figure.constrained_layout.use": True,
    "svg.fonttype": "none",
    "text.parse_math": False,
}
_SANS = "var(--sans)"
TRUETYPE = 42
"""The kind of font in a PDF (its number in PostScript) that journals and drawing programs can read."""


class InlineSvg(str):
    """An inline ``<svg>`` as text, with the ``figure`` that it shows, for its other forms."""

    figure: "Figure"


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Return ``draw`` with the report's fonts and colours, independent of the caller's matplotlib settings."""

    @functools.wraps(draw)
    def inner(*args: P.args, **kwargs: P.kwargs) -> T:
        import matplotlib

        with matplotlib.rc_context(cast(dict[Any, Any], matplotlib.rcParamsDefault | _STYLE | {"backend": "agg"})):
            return draw(*args, **kwargs)

    return inner


def blank(width: float, height: float) -> tuple["Figure", "Axes"]:
    """Return a figure of ``width`` x ``height`` inches with one axes, without global state."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    return figure, figure.add_subplot()


def risk_square(axes: "Axes", limit: float, across: str, up: str, note: str) -> None:
    """Give ``axes`` two axes in per cent up to ``limit``, the diagonal, their labels, and a ``note`` above."""
    axes.plot([0, limit], [0, limit], color=PALETTE["faint"], linewidth=0.8, zorder=0.5)
    axes.set_xlim(0, limit)
    axes.set_ylim(0, limit)
    axes.set_aspect("equal", anchor="N")
    axes.tick_params(axis="y", labelcolor=PALETTE["muted"])
    axes.grid(True)
    axes.set_xlabel(across, loc="left")
    axes.set_ylabel(up, loc="bottom")
    beside: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points"}
    axes.annotate(note, (0, 1), xytext=(0, 5), color=PALETTE["muted"], **beside)


@styled
def png(figure: "Figure", dpi: int = 150) -> bytes:
    """Return ``figure`` as PNG on white: for a README, or a plot in an asset's metadata."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, facecolor=PALETTE["paper"], metadata={"Software": None})
    return buffer.getvalue()


@styled
def pdf(figure: "Figure") -> bytes:
    """Return ``figure`` as PDF on white, its text as text: equal figures give equal bytes, without a date."""
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context({"pdf.fonttype": TRUETYPE}):
        nothing = dict.fromkeys(("CreationDate", "Creator", "Producer"))
        figure.savefig(buffer, format="pdf", facecolor=PALETTE["paper"], metadata=nothing)
    return buffer.getvalue()


@styled
def inline_svg(figure: "Figure", name: str, alt: str) -> InlineSvg:
    """Return ``figure`` as an inline ``<svg>``: equal figures give equal text, and nothing in it is loaded.

    ``name`` (unique in the page) prefixes every id; ``alt`` is the text for screen readers.
    """
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    inline = InlineSvg(_inline(buffer.getvalue(), name, alt))
    inline.figure = figure
    return inline


def _inline(text: str, name: str, alt: str) -> str:
    body = text[text.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r'xlink:href="#([^"]+)"', rf'href="#{name}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", body)
    body = body.replace("'DejaVu Sans'", _SANS).replace('<style type="text/css">*{', "<style>#" + name + " *{")
    for colour, value in PALETTE.items():
        body = body.replace(value, f"var(--{colour})")
    width, height = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', body).groups()  # type: ignore[union-attr]
    opening = (
        f'<svg id="{name}" class="figure" role="img" aria-label="{html.escape(alt, quote=True)}" '
        f'viewBox="0 0 {width} {height}" style="--natural:{float(width) * 4 / 3:.0f}px">'
    )
    return re.sub(r"\n\s*", "\n", opening + body[body.index(">") + 1 :]).strip()


def standalone_svg(inline: str) -> str:
    """Return a figure of :func:`inline_svg` as an SVG file: colours fixed, on white, nothing loaded."""
    body = inline.replace(_SANS, "'DejaVu Sans', sans-serif").replace(' href="#', ' xlink:href="#')
    for colour, value in PALETTE.items():
        body = body.replace(f"var(--{colour})", value)
    width, height = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', body).groups()  # type: ignore[union-attr]
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    body = re.sub(r' class="figure"| style="--natural:[^"]*"', "", body, count=2)
    opening, _, rest = body.replace("<svg ", f'<svg {spaces} width="{width}pt" height="{height}pt" ', 1).partition(">")
    paper = f'<rect width="100%" height="100%" fill="{PALETTE["paper"]}"/>'
    return f'<?xml version="1.0" encoding="utf-8"?>\n{opening}>\n{paper}{rest}\n'
