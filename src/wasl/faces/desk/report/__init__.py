"""What an agent does while somebody is on the line: `form` asks, `known` stands beside it, `drafts` keep it."""

from wasl.faces.desk.report.pages import (
    article_part,
    beside,
    class_part,
    filed,
    pick_map,
    put_draft,
    report,
    save_draft,
)

__all__ = ["article_part", "beside", "class_part", "filed", "pick_map", "put_draft", "report", "save_draft"]
