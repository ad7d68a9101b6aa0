"""The town of the demo: what people ask its help desk and what the desk knows. All text is the project's own."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """`asks` have a place for a time; `facts` are whole sentences. Both name the topic, so who looks can tell."""

    asks: tuple[str, ...]
    facts: tuple[str, ...]


TOPICS: dict[str, Topic] = {
    "bread": Topic(
        ("when is the bread ready {}?", "where is the bread sold {}?", "how much is the bread {}?"),
        ("The bread is ready at seven.", "The bread is sold by the well.", "The bread costs two coins."),
    ),
    "train": Topic(
        ("when does the train leave {}?", "which platform has the train {}?", "is the train late {}?"),
        ("The train leaves at nine.", "The train stops at platform two.", "The train comes every hour."),
    ),
    "weather": Topic(
        ("how is the weather {}?", "will the weather be warm {}?", "is the weather good for a walk {}?"),
        ("The weather stays mild.", "The weather turns wet after noon.", "The weather is best by the sea."),
    ),
    "garden": Topic(
        ("is the garden open {}?", "who waters the garden {}?", "may dogs enter the garden {}?"),
        ("The garden opens at ten.", "The garden is watered at dawn.", "The garden has no room for dogs."),
    ),
    "book": Topic(
        ("can I return a book {}?", "where do I borrow a book {}?", "how long may I keep a book {}?"),
        ("A book goes into the blue box.", "You may borrow a book upstairs.", "You may keep a book for a month."),
    ),
    "market": Topic(
        ("where is the market {}?", "is there a market {}?", "what does the market sell {}?"),
        ("The market is on the square.", "The market opens at eight.", "The market sells fruit and cloth."),
    ),
    "boat": Topic(
        ("when does the boat leave {}?", "how many can the boat carry {}?", "where is the boat {}?"),
        ("The boat leaves at noon.", "The boat carries ten people.", "The boat lies at the pier."),
    ),
    "cat": Topic(
        ("I lost my cat, what can I do {}?", "who looks after the cat {}?", "can I adopt a cat {}?"),
        ("The vet looks after the cat.", "A lost cat is often at the barn.", "You can adopt a cat at the farm."),
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
