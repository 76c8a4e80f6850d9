"""Information: an article by its number or by words, alone or as a list to choose from."""

from wasl.kernel.digits import to_ascii_digits
from wasl.services.articles import queries as articles
from wasl.services.articles.models import ArticleVersion
from wasl.services.dialogue import words
from wasl.services.dialogue.models import Command
from wasl.services.dialogue.said import Reply
from wasl.services.dialogue.turns.turn import SHORT, Turn


def article(turn: Turn, command: Command) -> Reply | None:
    """INFO 3 or INFO and words; alone, or for words that may mean several, what there is."""
    turn.end()
    if (found := _article_numbered(turn, turn.read.rest)) is not None:
        return _give(turn, found)
    known = turn.batch.articles()
    meant = articles.suggest(turn.read.rest, among=known) if turn.read.rest else []
    if meant and (len(meant) == 1 or meant[0].score >= 2 * meant[1].score):
        return _give(turn, meant[0].version)
    offered = [one.version for one in meant] or known
    if not offered:
        return turn.help()
    turn.go("article", SHORT, example=command.example)
    return turn.reply(words.which_article(offered, command.word(turn.language), turn.language))


def article_of(turn: Turn) -> Reply | None:
    """A bare number after the list."""
    found = _article_numbered(turn, turn.text)
    turn.end()
    return _give(turn, found) if found is not None else turn.without_command()


def _article_numbered(turn: Turn, text: str) -> ArticleVersion | None:
    # Who copies what an answer cites, 3.2, wants number 3 as it is now.
    typed = to_ascii_digits(text).strip().partition(".")[0]
    if not (typed.isascii() and typed.isdecimal() and len(typed) < 4):
        return None
    return next((one for one in turn.batch.articles() if one.article.number == int(typed)), None)


def _give(turn: Turn, version: ArticleVersion) -> Reply:
    turn.batch.given.append(version.mark)
    return turn.reply(articles.texted(version, turn.language))
