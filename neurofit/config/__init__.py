"""Turns YAML files into problems: `load`, the JSON Schema for editors, and the names of the built-in models."""

from neurofit.config.library import templates
from neurofit.config.load import load
from neurofit.config.schema.fit import json_schema

__all__ = ["json_schema", "load", "templates"]
