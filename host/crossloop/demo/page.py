"""The report's page: one self-contained HTML file, no script, no outside resource."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

_STYLE = """
:root { color-scheme: light; --ink: #1b1f23; --soft: #5b6570; --line: #dfe3e7; --accent: #0b6e99; }
* { box-sizing: border-box; }
body { margin: 0; background: #eef1f3; color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1000px; margin: 28px auto; padding: 44px 56px 56px; background: #fff; border: 1px solid var(--line); border-radius: 6px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 10px; letter-spacing: -0.01em; }
h2 { font-size: 19px; margin: 44px 0 10px; padding-top: 18px; border-top: 1px solid var(--line); }
p { margin: 0 0 12px; }
.lead { font-size: 17px; color: #333b42; max-width: 46em; }
.warning { background: #fff4dc; border-left: 4px solid #c77c11; padding: 10px 14px; }
.across-4 { grid-template-columns: repeat(4, 1fr); }
.across-3 { grid-template-columns: repeat(3, 1fr); }
.tiles { display: grid; gap: 1px; background: var(--line); border: 1px solid var(--line);
  border-radius: 5px; overflow: hidden; margin: 26px 0 8px; }
.tile { background: #fff; padding: 14px 16px 12px; }
.tile b { display: block; font-size: 25px; line-height: 1.15; font-weight: 650; font-variant-numeric: tabular-nums; }
.tile span { display: block; font-size: 13px; line-height: 1.35; color: var(--soft); margin-top: 4px; }
.tile.main b { color: var(--accent); }
figure { margin: 16px 0 22px; }
figure svg { width: 100%; height: auto; display: block; }
figcaption { font-size: 14px; line-height: 1.5; color: #3d464e; margin-top: 8px; }
figcaption b { color: var(--ink); }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; margin: 8px 0 16px; }
th { text-align: left; font-weight: 600; color: var(--soft); }
th, td { padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
table.figures th:not(:first-child), table.figures td:not(:first-child) { text-align: right; padding: 5px 0 5px 14px; }
table.facts th { width: 11.5em; }
code { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
footer { margin-top: 36px; font-size: 13px; color: var(--soft); }
@media (max-width: 760px) { main { padding: 24px 18px; margin: 0; border: 0; } .tiles.tiles { grid-template-columns: repeat(2, 1fr); } }
@media print { body { background: #fff; } main { border: 0; margin: 0; max-width: none; } figure { break-inside: avoid; } }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """Return a whole page."""
    body = "\n".join(part for part in parts if part)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def heading(text: str) -> str:
    """Return a section's heading."""
    return f"<h2>{escape(text)}</h2>"


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph of plain text."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def tiles(values: Iterable[tuple[str, str]]) -> str:
    """Return the headline figures: (figure, what it is); the first one is the main one."""
    cells = [
        f'<div class="tile{" main" if index == 0 else ""}"><b>{escape(value)}</b><span>{escape(label)}</span></div>'
        for index, (value, label) in enumerate(values)
    ]
    across = 4 if len(cells) % 4 == 0 else 3
    return f'<div class="tiles across-{across}">{"".join(cells)}</div>'


def figure(number: int, svg: str, title: str, caption: str) -> str:
    """Return a figure with its caption; every figure's element names are made its own."""
    return (
        f'<figure id="figure-{number}">{own_names(svg, f"f{number}-")}'
        f"<figcaption><b>Figure {number}. {escape(title)}.</b> {escape(caption)}</figcaption></figure>"
    )


def own_names(svg: str, prefix: str) -> str:
    """Return an SVG whose ids carry a prefix, so that several can stand on one page."""
    for before, after in (('id="', f'id="{prefix}'), ('href="#', f'href="#{prefix}'), ("url(#", f"url(#{prefix}")):
        svg = svg.replace(before, after)
    return svg


def facts(values: Mapping[str, str], code: Iterable[str] = ()) -> str:
    """Return a table of names and values; the values of `code` are set as code."""
    as_code = set(code)
    rows = [
        f"<tr><th>{escape(name)}</th><td>{f'<code>{escape(value)}</code>' if name in as_code else escape(value)}</td></tr>"
        for name, value in values.items()
    ]
    return f'<table class="facts">{"".join(rows)}</table>'


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table of figures, the first column being names."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<table class="figures"><tr>{head}</tr>{body}</table>'
