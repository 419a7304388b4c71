"""Parts of other libraries that these do not promise to keep, a module for each library, with the reason for each part.

Nothing else in the project imports such parts; tests/test_unofficial.py says in plain words when one is gone.
"""
