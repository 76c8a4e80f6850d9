"""How one visitor wants the pages to look (theme, contrast, size of text), remembered in a cookie so that the server
draws the first byte right and nothing flashes; the verbs behind the buttons are in `pages`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

COOKIE = "wasl_look"
ONE_YEAR_S = 365 * 24 * 3600
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "theme": ("", "light", "dark"),
    "contrast": ("", "more"),
    "text": ("", "large"),
}


@dataclass(frozen=True)
class Look:
    """`theme`: "" follows the device, or "light", "dark"; `contrast`: "" or "more"; `text`: "" or "large"."""

    theme: str = ""
    contrast: str = ""
    text: str = ""

    @classmethod
    def read(cls, cookie: str) -> "Look":
        """The look in a cookie's text, as in `dark.more.large`; unknown words are passed over."""
        parts = dict(zip(_CHOICES, cookie.split("."), strict=False))
        return cls(**{name: value for name, value in parts.items() if value in _CHOICES[name]})

    def write(self) -> str:
        """The cookie's text that `read` understands."""
        return f"{self.theme}.{self.contrast}.{self.text}"

    def with_choice(self, choice: str) -> "Look":
        """This look with one choice changed, as in `theme:dark` or `text:`.

        Raises ValueError for a choice that does not exist.
        """
        name, _, value = choice.partition(":")
        if value not in _CHOICES.get(name, ()):
            raise ValueError(f"no such choice of look: {choice!r}")
        return replace(self, **{name: value})
