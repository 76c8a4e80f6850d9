"""Words of packages that their own Arabic says wrongly; named here, so that our catalogues say them instead.

Our catalogues come before those of any package (`LOCALE_PATHS`). Nothing reads this module but `wasl.site.catalogues`.
"""

from django.utils.translation import gettext_noop

ALLAUTH = (
    gettext_noop("Authenticator code"),
    gettext_noop("Cancel"),
    gettext_noop("Deactivate Authenticator App"),
    gettext_noop("Generate"),
    gettext_noop("Two-Factor Authentication"),
)
"""As they stand in the pages of django-allauth."""
