"""The archive keeps every finished evaluation of a run on disk, whatever happens to the process that writes it."""

from neurofit.archive.archive import Archive, read
from neurofit.archive.records import Batch, Contents, Header, Row

__all__ = ["Archive", "Batch", "Contents", "Header", "Row", "read"]
