"""Nginx's configuration as a tree of directives, from what is printed of it."""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Final, NamedTuple

CONFIGURATION: Final = r"""
seen= kept=$1
show() {
  case "$seen" in *" $1 "*) return ;; esac
  seen="$seen $1 "
  printf '# configuration file %s:\n' "$1"
  [ -r "$1" ] || { echo 'unreadable;'; return; }
  found=$(awk -v kept="^($kept)[ \t]" '
    {
      line = $0; sub(/^[ \t]+/, "", line); n = split(line, parts, /[;{}]/)
      for (i = 1; i <= n; i++) if (sub(/^[ \t]*include[ \t]+["\047]?/, "", parts[i])) {
        sub(/["\047].*/, "", parts[i]); included = included " " parts[i]
      }
    }
    line == "" || line ~ /^#/ { next }
    !open && line ~ /^[A-Za-z0-9_.\/+-]+[ \t][^;{}"#\047]*;[ \t\r]*$/ && line !~ kept { next }
    { print line; open = line !~ /[;{}][ \t\r]*(#.*)?$/ }
    END { printf "\n#%s", included }' "$1")
  printf %s "${found%
#*}"
  for file in ${found##*
#}; do
    case $file in /*) ;; *) file=/etc/nginx/$file ;; esac
    [ ! -e "$file" ] || show "$file"
  done
}
cd /etc/nginx 2>/dev/null && show /etc/nginx/nginx.conf
exit 0
"""
"""Prints nginx's configuration as `nginx -T` does; its argument names the wanted directives.

It needs no privilege. `nginx -T` does, and prints nothing if the configuration is broken. Comments, and one-line
directives that are not wanted, stay on the host, so that many sites fit into one answer.
"""
DUMP: Final = "# configuration file "
_FILE = re.compile(r"^# configuration file (?P<path>/[^\n]*):$", re.MULTILINE)
_TOKEN = re.compile(
    r"#[^\n]*|(?P<mark>[{};])|\"(?P<double>(?:\\.|[^\"\\])*+)\"|'(?P<single>(?:\\.|[^'\\])*+)'"
    r"|(?P<word>(?:\\.|\$\{[^}]*\}|[^\s{};\"'\\])(?:\\.|\$\{[^}]*\}|[^\s{};\\])*+)",
    re.DOTALL,
)
_DEPTH: Final = 20
"""Limit for nested files and blocks: what people have to read is not deeper."""


class Directive(NamedTuple):
    """One directive: its name, its words and, if it has one, its block."""

    name: str
    words: tuple[str, ...]
    block: "tuple[Directive, ...] | None" = None


def files_in(dump: str, *, cut: bool) -> Mapping[str, str]:
    """Return the text of each printed file. The last one of a cut dump is left out."""
    parts = _FILE.split(dump)[1:]
    files = dict(zip(parts[::2], parts[1::2], strict=True))
    if cut and files:
        files.popitem()  # the last file is incomplete
    return files


def parsed(text: str) -> tuple[Directive, ...]:
    """Return the directives of one file. Raises ValueError if its braces are not balanced."""
    stack: list[list[Directive]] = [[]]
    heads: list[list[str]] = []
    words: list[str] = []
    for token in _TOKEN.finditer(text):
        match token["mark"]:
            case None:
                value = token["word"] or token["double"] or token["single"]
                if value is not None:
                    words.append(value)
            case ";":
                if words:
                    stack[-1].append(Directive(words[0], tuple(words[1:])))
                words = []
            case "{":
                heads.append(words or ["?"])
                stack.append([])
                words = []
            case _:
                block, head = tuple(stack.pop()), heads.pop() if heads else []
                if not head:
                    raise ValueError("a brace too many")
                stack[-1].append(Directive(head[0], tuple(head[1:]), block))
                words = []
        if len(stack) > _DEPTH:
            raise ValueError("too deep")
    if len(stack) != 1:
        raise ValueError("a brace is missing")
    return tuple(stack[0])


def expanded(
    directives: tuple[Directive, ...], files: Mapping[str, str], prefix: PurePosixPath, depth: int
) -> Iterator[Directive]:
    """Yield the directives, with each include replaced by the files that it names.

    A file that is not in the dump did not exist on the host.
    """
    if depth > _DEPTH:
        raise ValueError("too deep")
    for each in directives:
        if each.name == "include" and each.block is None and each.words:
            pattern = prefix / each.words[0]
            for path in sorted(files):
                if _matches(PurePosixPath(path), pattern):
                    yield from expanded(parsed(files[path]), files, prefix, depth + 1)
        elif each.block is not None:
            yield each._replace(block=tuple(expanded(each.block, files, prefix, depth + 1)))
        else:
            yield each


def _matches(path: PurePosixPath, pattern: PurePosixPath) -> bool:
    """Return whether a path matches as in glob(7), where a star matches no slash."""
    return len(path.parts) == len(pattern.parts) and all(map(fnmatchcase, path.parts, pattern.parts))


def words_of(block: tuple[Directive, ...], name: str) -> list[tuple[str, ...]]:
    """Return the words of each directive of this name, directly in the block."""
    return [each.words for each in block if each.name == name and each.words]


def names_of(server: tuple[Directive, ...]) -> list[str]:
    """Return the names of a server, in lower case."""
    return [name.lower() for words in words_of(server, "server_name") for name in words]


Block = tuple[Directive, ...]


def within(block: Block) -> Iterator[Directive]:
    """Yield the directives of a block and of the blocks in it."""
    for each in block:
        yield each
        yield from within(each.block or ())
