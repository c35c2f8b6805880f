"""Turns arrays of a run into pictures and one HTML page that a modeller can read without neurofit."""
