"""Everything that a verdict depends on: the digest of this folder is the digest of the judges."""
