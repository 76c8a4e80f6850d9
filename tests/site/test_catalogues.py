"""Gathering words without GNU gettext, and finding what a catalogue lacks."""

from pathlib import Path

import polib
import pytest

from wasl.site import catalogues
from wasl.site.catalogues import Words

PYTHON = """
from django.utils.translation import gettext_lazy as _, ngettext, pgettext
A = _("Report")
B = ngettext("%(n)s case", "%(n)s cases", 3)
C = pgettext("of a form", "Close")
D = _(A)
"""
TEMPLATE = """{% load i18n %}
<p title="{% translate "Say (more)" %}">{% blocktranslate trimmed %}
  Number {{ number }} is yours.
{% endblocktranslate %}</p>
{% blocktranslate count n=n %}{{ n }} day{% plural %}{{ n }} days{% endblocktranslate %}
{% translate "Open" context "a shop" %}
{{ _("A word") }}
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "templates").mkdir()
    (tmp_path / "words.py").write_text(PYTHON)
    (tmp_path / "templates" / "page.html").write_text(TEMPLATE)
    monkeypatch.setattr(catalogues, "PACKAGE", tmp_path)
    monkeypatch.setattr(catalogues, "LOCALE", tmp_path / "locale")
    return tmp_path


def test_words_are_found_in_source_and_templates(package: Path) -> None:
    assert catalogues.gather() == {
        Words("Report"): {"words.py"},
        Words("%(n)s case", "", "%(n)s cases"): {"words.py"},
        Words("Close", "of a form"): {"words.py"},
        Words("Say (more)"): {"templates/page.html"},
        Words("Number %(number)s is yours."): {"templates/page.html"},
        Words("%(n)s day", "", "%(n)s days"): {"templates/page.html"},
        Words("Open", "a shop"): {"templates/page.html"},
        Words("A word"): {"templates/page.html"},
    }


def test_what_is_not_translated_is_named_and_translations_are_kept(package: Path) -> None:
    assert "ar: missing: 'Report'" in catalogues.faults()
    assert catalogues.update() == {"ar": 8, "zh_Hans": 8}
    file = package / "locale" / "ar" / "LC_MESSAGES" / "django.po"
    catalogue = polib.pofile(str(file))
    for entry in catalogue:
        if entry.msgid_plural:
            entry.msgstr_plural = dict.fromkeys(range(6), "%(n)s كلمة")
        else:
            entry.msgstr = "كلمة"
    catalogue.save()
    assert [fault for fault in catalogues.faults() if fault.startswith("ar")] == [
        "ar: 'Number %(number)s is yours.' says %(number)s, its translation does not"
    ]
    (package / "words.py").write_text(PYTHON.replace('"Report"', '"Tell us"'))
    assert catalogues.update()["ar"] == 1
    assert catalogues.compile_catalogues() == 2
    assert catalogues.compile_catalogues() == 0
    assert "كلمة".encode() in file.with_suffix(".mo").read_bytes()
