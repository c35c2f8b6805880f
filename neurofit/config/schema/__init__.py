"""The shape of every YAML file that neurofit reads, as pydantic models; nothing outside `config` sees them."""
