"""The archive keeps every finished evaluation of a run on disk, whatever happens to the process that writes it."""

from neurofit.archive.archive import Archive, describe, differences, exists, read
from neurofit.archive.records import GIVEN, Batch, Contents, Header, Row

__all__ = ["GIVEN", "Archive", "Batch", "Contents", "Header", "Row", "describe", "differences", "exists", "read"]
