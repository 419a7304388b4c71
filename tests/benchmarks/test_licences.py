"""What is installed may be used by anyone for anything; a package under another licence is noticed here."""

import re

import pytest

from benchmarks.licences import LOCKS, ROOT, licence_of, packages

FREE = r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation"
# Used as they are: their licences ask for something of those alone who change them.
AS_THEY_ARE = {
    "certifi": "MPL-2.0|Mozilla",
    "hypothesis": "MPL-2.0",
    "pathspec": "MPL 2.0",
    "psycopg": "LGPL-3.0",
    "psycopg-binary": "LGPL-3.0",
}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_licence_is_known_and_free(lock):
    names = packages(ROOT / lock)
    assert len(names) > 100
    licences = {name: licence_of(name) for name in names}
    installed = {name: licence for name, licence in licences.items() if licence != "not installed here"}
    assert len(installed) > 0.9 * len(names)
    assert [
        (name, licence) for name, licence in installed.items() if not re.search(AS_THEY_ARE.get(name, FREE), licence)
    ] == []
