"""The example of docs/parts.md does what the page says."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "parts.md"


def test_the_example_of_the_page_names_the_violation(capsys):
    (source,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    exec(source, {})  # noqa: S102  the page's own code
    (said,) = re.findall(r"print\(violation\)\n +# (.*)", source)
    assert capsys.readouterr().out.strip() == said
