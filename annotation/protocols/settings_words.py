"""Words of the settings of protocols that stand nowhere else in the code: names of small settings, values of choices.

`common.configs` makes them of the names themselves and translates them; this is where `make messages` finds them.
"""

from common.words import gettext_noop

NAMES = (
    gettext_noop("Color"),
    gettext_noop("Emoji"),
    gettext_noop("Granularity"),
    gettext_noop("Hide number"),
    gettext_noop("High"),
    gettext_noop("Letter"),
    gettext_noop("Low"),
    gettext_noop("Scale"),
    gettext_noop("Subcategories"),
)
VALUES = (
    gettext_noop("off"),
    gettext_noop("optional"),
    gettext_noop("required"),
    gettext_noop("item"),
    gettext_noop("response"),
    gettext_noop("messages"),
    gettext_noop("each"),
    gettext_noop("first error"),
    gettext_noop("recorded"),
    gettext_noop("lines"),
    gettext_noop("paragraphs"),
    gettext_noop("lanes"),
    gettext_noop("best worst"),
    gettext_noop("stars"),
    gettext_noop("slider"),
    gettext_noop("choose"),
    gettext_noop("better"),
    gettext_noop("sentence"),
    gettext_noop("sub-sentence"),
)
