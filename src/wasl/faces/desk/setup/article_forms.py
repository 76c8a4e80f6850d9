"""The form of an article: four forms of it in three languages side by side, and what it is about."""

from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _

from wasl.core.catalogue import queries as catalogue
from wasl.faces.desk.fields import category_choices
from wasl.kernel.names import LANGUAGES, OWN_NAMES
from wasl.services.articles.checking import LONGEST_FULL, LONGEST_SHORT, LONGEST_TITLE, LONGEST_VOICE, Content
from wasl.services.articles.models import Article, ArticleVersion

_LABELS = {
    "titles": {
        "ar": _("Title in Arabic"),
        "en": _("Title in English"),
        "zh": _("Title in Chinese"),
    },
    "short": {
        "ar": _("Short form in Arabic"),
        "en": _("Short form in English"),
        "zh": _("Short form in Chinese"),
    },
    "voice": {
        "ar": _("Voice form in Arabic"),
        "en": _("Voice form in English"),
        "zh": _("Voice form in Chinese"),
    },
    "full": {
        "ar": _("Full form in Arabic"),
        "en": _("Full form in English"),
        "zh": _("Full form in Chinese"),
    },
}
_SIZES: Final = {"titles": (LONGEST_TITLE, 1), "short": (LONGEST_SHORT, 5), "voice": (LONGEST_VOICE, 8),
                 "full": (LONGEST_FULL, 16)}  # fmt: skip
"""Signs at most, and lines of its field."""


class NewArticleForm(forms.Form):
    """The code of a new article."""

    code = forms.SlugField(
        label=_("Code"), max_length=40, help_text=_("Small letters, digits and hyphens, as water-bills."),
        widget=forms.TextInput(attrs={"dir": "ltr", "autocomplete": "off"}),
    )  # fmt: skip

    def clean_code(self) -> str:
        """In small letters; a new one."""
        code: str = self.cleaned_data["code"].lower()
        if Article.objects.filter(code=code).exists():
            raise forms.ValidationError(_g("There is one of this code already."))
        return code


class ArticleForm(forms.Form):
    """An article; nothing is required until it is published."""

    topics = forms.MultipleChoiceField(
        label=_("Categories that it is about"), required=False, help_text=_("Agents are offered it with these."),
        widget=forms.SelectMultiple(attrs={"size": 8}),
    )  # fmt: skip

    def __init__(self, *args: Any, version: ArticleVersion | None, **kwargs: Any) -> None:
        kwargs["initial"] = {"topics": version.topics if version else []} | {
            f"{name}_{code}": getattr(version, name, {}).get(code, "") for name in _LABELS for code in LANGUAGES
        }
        super().__init__(*args, **kwargs)
        try:
            known, there = category_choices()[1:], set(catalogue.in_force().categories)
        except catalogue.NotSetUp:
            known, there = [], set()
        gone = [(code, code) for code in kwargs["initial"]["topics"] if code not in there]
        self.fields["topics"].choices = [*gone, *known]  # type: ignore[attr-defined]  # a MultipleChoiceField
        for name, (longest, rows) in _SIZES.items():
            for code in LANGUAGES:
                attrs = {"lang": code, "dir": "rtl" if code == "ar" else "ltr"}
                widget = forms.Textarea(attrs={**attrs, "rows": rows}) if rows > 1 else forms.TextInput(attrs=attrs)
                field = forms.CharField(label=_LABELS[name][code], required=False, max_length=longest, widget=widget)
                # A draft may lack it, an article may not: it is not called optional.
                field.needed_later = True  # type: ignore[attr-defined]  # for the frame's templates
                self.fields[f"{name}_{code}"] = field

    def columns(self) -> list[tuple[str, str, list[Any]]]:
        """What each language calls itself, its code, and its fields, for the page."""
        return [(OWN_NAMES[code], code, [self[f"{name}_{code}"] for name in _LABELS]) for code in LANGUAGES]

    def content(self) -> Content:
        """What was written."""
        g = self.cleaned_data
        texts = {name: {code: g[f"{name}_{code}"] for code in LANGUAGES} for name in _LABELS}
        return Content(**texts, topics=tuple(g["topics"]))
