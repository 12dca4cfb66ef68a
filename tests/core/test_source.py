"""Python sources, parsed by many threads."""

import ast
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from remediate.core import source


def test_threads_may_parse_at_once() -> None:
    texts = [path.read_text() for path in sorted(Path(ast.__file__).parent.glob("a*.py"))] * 4
    with ThreadPoolExecutor(8) as pool:
        assert all(isinstance(each, ast.Module) for each in pool.map(source.parse, texts))
