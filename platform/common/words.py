"""A mark for texts that are written down in English, in rows, files and the API; `common.said` translates them.

Needs no Django: methods and other plugs carry such texts, too.
"""


def gettext_noop(text: str) -> str:
    """`text` itself. Its name is what `make messages` looks for."""
    return text
