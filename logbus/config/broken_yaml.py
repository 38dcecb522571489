"""What is wrong with a text that is not YAML, in an operator's words: PyYAML's own are those of a parser's author."""

import yaml

_INDENTATION = "the indentation does not fit: align a key with the keys of its own level, by spaces"
_QUOTES = "put the text in single quotes"
_WORDS = (  # part of PyYAML's problem, in Python or in libyaml -> what to do
    ("but found ']'", "there is a ] without its ["),
    ("but found '}'", "there is a } without its {"),
    ("expected <block end>", _INDENTATION),
    ("did not find expected '-' indicator", _INDENTATION),
    ("did not find expected key", _INDENTATION),
    ("mapping values are not allowed", f"a colon where no key can be: check the indentation, or {_QUOTES}"),
    ("unknown escape character", "in double quotes a backslash is special: use single quotes"),
    ("expected alphabetic or numeric character", f"text that begins with * or & needs quotes: {_QUOTES}"),
    ("cannot start any token", f"text cannot begin like that: {_QUOTES}"),
    ("expected ',' or ']'", "this list is not closed with ]"),
    ("expected ',' or '}'", "this mapping is not closed with }"),
    ("unexpected end of stream", "a quote is not closed"),
    ("could not find expected ':'", "a key without a colon, or a colon without a blank after it"),
)


def explained(error: yaml.MarkedYAMLError, text: str) -> str:
    """Return the problem in a parser's words, and what to do."""
    problem = str(error.problem or error.context)
    if _at_tab(error, text):
        return "tabs are not allowed for indentation: use spaces"
    advice = next((words for part, words in _WORDS if part in problem), "")
    return f"{problem} ({advice})" if advice else problem


def _at_tab(error: yaml.MarkedYAMLError, text: str) -> bool:
    """Return True if a tab is in the indentation of the line with the problem."""
    mark = error.problem_mark
    lines = text.split("\n")
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    return "\t" in line[: len(line) - len(line.lstrip())]
