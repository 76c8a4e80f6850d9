"""Which topic of the subscriptions a text names; what follows from it is the subscriptions' own."""

from django.db.models import Count, Max

from wasl.core.organisation.queries import Kept
from wasl.services.dialogue.commands import Keywords, all_words
from wasl.services.subscriptions import queries
from wasl.services.subscriptions.models import Topic


def _read() -> tuple[dict[int, Topic], Keywords]:
    known = {topic.pk: topic for topic in queries.topics()}
    return known, Keywords(word for topic in known.values() for word in all_words(topic.keywords, topic.pk))


_topics: Kept[tuple[dict[int, Topic], Keywords]] = Kept(
    _read, lambda: Topic.objects.aggregate(Count("pk"), Max("changed_at"))
)


def topics() -> dict[str, Topic]:
    """Those that are on, by code."""
    return {topic.code: topic for topic in _topics.get()[0].values()}


def topic_in(text: str) -> tuple[Topic, str] | None:
    """The topic that a text begins with, and what follows it; None where it names none."""
    known, keywords = _topics.get()
    read = keywords.read(text)
    return (known[read.keyword.pk], read.rest) if read.keyword else None


def forget() -> None:
    """Read the topics anew next time."""
    _topics.forget()
