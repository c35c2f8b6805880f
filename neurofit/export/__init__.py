"""Takes a solution out of a run, in the form that another program reads."""
