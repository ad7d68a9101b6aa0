"""Where sentences and clauses end, in scripts with blanks and without."""

import pytest

from lm.segments import cut

CHINESE = "你好，我是你的助手。今天天气很好！我们去公园吧？「好。」再见。"


@pytest.mark.parametrize(
    ("text", "segments", "pieces"),
    [
        ("It is 3.5 km. Walk!\nNow", "sentence", ["It is 3.5 km.", " Walk!", "\nNow"]),
        ("He said “no.” Then (at last) he left.", "sentence", ["He said “no.”", " Then (at last) he left."]),
        (CHINESE, "sentence", ["你好，我是你的助手。", "今天天气很好！", "我们去公园吧？", "「好。」", "再见。"]),
        (CHINESE, "clause", ["你好，我是你的助手。", "今天天气很好！", "我们去公园吧？", "「好。」再见。"]),
        (
            "Yes, it leaves at nine in winter, as always.",
            "clause",
            ["Yes, it leaves at nine in winter,", " as always."],
        ),
    ],
)
def test_pieces(text: str, segments: str, pieces: list[str]) -> None:
    found = cut(text, segments)
    assert [text[start:end] for start, end in found] == pieces
