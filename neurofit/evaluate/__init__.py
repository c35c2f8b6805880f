"""Turns candidates into evaluations: traces, features, objectives, verdicts."""
