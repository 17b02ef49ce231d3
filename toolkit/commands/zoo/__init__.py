"""Commands of the zoo: `look` has the group and what looks at it, `share` what moves adapters."""

from toolkit.commands.zoo import share
from toolkit.commands.zoo.look import zoo

__all__ = ["share", "zoo"]
