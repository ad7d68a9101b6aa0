"""All sources, in the order of the table."""

from tests.replay import defacto, fg_rlhf, mistakes, mqm, squality, ukp

SOURCES = [
    *fg_rlhf.SOURCES,
    *mqm.SOURCES,
    *squality.SOURCES,
    *defacto.SOURCES,
    *mistakes.SOURCES,
    *ukp.SOURCES,
]
