"""The speed of one evaluation, against BluePyOpt's, and what becomes of it on many workers and over many evaluations.

    pip install -c constraints.txt -e '.[benchmarks]'
    python -m benchmarks.speed a|b|c|workers|memory|profile|table

a  one compartment, Hodgkin-Huxley; b  two compartments, six conductances; c  29 sections of 141 segments.

Each of a, b and c is one fit file in cells/, seven steps of 1.5 s with ten eFEL features a step. neurofit evaluates it
as a fit does, in batches through an executor; BluePyOpt is given the same cell, stimuli, features and targets, made of
the same Problem, and evaluates one candidate after the other in one process, which is its quickest way: its default, a
process for each sweep, costs more. Each side is a process of its own; they take turns on one core, and only user CPU
seconds between the first candidate and the last are counted, feature extraction included, NEURON's start and the
compiler not. A ratio is BluePyOpt's seconds a candidate over neurofit's in the same round; the table has the median of
the rounds' ratios, the least and the greatest.

The scores must be equal, or the command fails: of every candidate that both have evaluated, all seventy distances to
the targets in standard deviations (`compare.py` has the tolerances, and why). The ten features have one value a sweep:
of several values BluePyOpt takes the mean distance to the target, neurofit the distance of the mean.
"""
