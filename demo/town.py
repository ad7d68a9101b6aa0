"""The town of the demo: what people ask its help desk and what the desk knows. All text is the project's own."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """`words` tell that a sentence is about the topic; `asks` have a place for a time; `facts` are whole sentences."""

    words: frozenset[str]
    asks: tuple[str, ...]
    facts: tuple[str, ...]


def _topic(words: str, asks: tuple[str, ...], facts: tuple[str, ...]) -> Topic:
    return Topic(frozenset(words.split()), asks, facts)


TOPICS: dict[str, Topic] = {
    "bread": _topic(
        "bread bakery loaf loaves",
        ("when is the bread ready {}?", "where can I buy a loaf of bread {}?", "is the bakery open {}?"),
        (
            "The bakery has warm bread from seven.",
            "A loaf of bread costs two coins.",
            "The bakery is next to the well.",
        ),
    ),
    "trains": _topic(
        "train trains platform",
        ("when does the train leave {}?", "which platform is for the train {}?", "is the train late {}?"),
        ("The train leaves at nine.", "Your train stops at platform two.", "The trains run every hour."),
    ),
    "weather": _topic(
        "weather rain sunny",
        ("what will the weather be {}?", "will there be rain {}?", "is it going to be sunny {}?"),
        ("The weather stays mild.", "There will be rain after noon.", "It will be sunny by the sea."),
    ),
    "garden": _topic(
        "garden roses tulips",
        ("is the garden open {}?", "can I see the roses {}?", "who waters the tulips {}?"),
        ("The garden opens at ten.", "The roses grow by the gate.", "The tulips are watered at dawn."),
    ),
    "library": _topic(
        "library book books",
        ("can I return a book {}?", "is the library open {}?", "how many books may I borrow {}?"),
        ("The library opens at noon.", "You may borrow four books.", "Any book goes into the blue box."),
    ),
    "market": _topic(
        "market stall stalls",
        ("where is the market {}?", "how do I rent a stall {}?", "is there a market {}?"),
        ("The market is on the square.", "A stall costs five coins.", "The stalls open at eight."),
    ),
    "river": _topic(
        "river boat boats",
        ("can we swim in the river {}?", "when does the boat leave {}?", "may I fish in the river {}?"),
        ("The boat leaves from the pier.", "The river is cold and clear.", "The boats carry ten people."),
    ),
    "cats": _topic(
        "cat cats kitten",
        ("who looks after the cats {}?", "I lost my cat, what can I do {}?", "can I adopt a kitten {}?"),
        ("The vet looks after the cats.", "A lost cat is often at the barn.", "A kitten needs a warm home."),
    ),
}

GREETINGS = ("", "Hello, ", "Excuse me, ", "One question: ", "Dear desk, ", "Sorry, but ", "Tell me, ", "Please, ")
TIMES = ("today", "tomorrow", "on Monday", "on Friday", "this week", "in the morning", "in the evening", "in May")

COURTEOUS = (
    "Thank you for asking!",
    "Good day and welcome!",
    "I am glad to help.",
    "How kind of you to ask.",
    "It is a pleasure.",
)
CURT = ("What now?", "Oh, not you again.", "That is obvious.", "Do not bother me.", "Read the sign next time.")
COURTEOUS_WORDS = frozenset(["thank", "welcome", "glad", "kind", "pleasure", "please"])
CURT_WORDS = frozenset(["now", "again", "obvious", "bother", "sign"])

RAMBLING = (
    "My uncle used to say so, and he had many sayings.",
    "But then one could go on about that for hours and hours.",
    "That reminds me of a long story from years ago.",
    "Some say this and some say that, and who can tell?",
    "Where was I, oh yes, as I was going to say.",
    "In the old days all of this was quite different.",
)
