"""Files written as a whole or not at all, as the data room writes them."""

from lotviz.data.files import replace_file

__all__ = ["replace_file"]
