"""file_sha256: the hash of a file."""

import hashlib
import os


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Returns the SHA-256 of a file, as hexadecimal digits."""
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
