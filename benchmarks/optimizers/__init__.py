"""Compares the optimizers, and the joint search with parts of it left out: evaluations needed, on eleven problems.

    python benchmarks/optimizers run --jobs 2            # all of it, the first seed of everything first; hours
    python benchmarks/optimizers run ablations --seeds 1 --problems pinsky_rinzel
    python benchmarks/optimizers status                  # evaluations done, of those wanted
    python benchmarks/optimizers table                   # updates results.json, RESULTS.md and the curves

Stop it at any time, and give the command again to go on. What is in results.json is not run again; `--fresh` does.
A run is an ordinary fit in runs/PROBLEM/CONFIGURATION/SEED, with one worker. Dear baselines are kept in archives/, from
where `run` takes them back when asked for a larger --budget (`pack` puts them there).

Equal starts: with each seed, every optimizer is given the same 50 evaluations, those of the joint search's own initial
design, by a warm start. They count: all numbers of evaluations here include them. In everything else a run of the joint
search is what `neurofit fit` does; nsga2 and ibea take the 50 as their first population, and random and grid only keep
from repeating them. On linear axes over a decade or more half of that design lies as on logarithmic ones, which helps
all of them alike; what nsga2 and ibea do there without that help is in `nsga2-alone` and `ibea-alone`, which begin with
50 points of their own. `joint-alone` begins with as few points as the joint search does where a file names no number.

Scores, from 0 to 1, of the feasible evaluations so far:

- motoneuron: `wide` and `tight`, hypervolumes of the errors in the features' units. The error of input resistance and
  of membrane time constant is the distance to the target's range; that of spike amplitude the root mean square over the
  seven currents of the distance to its range; that of the f-I curve the root mean square over the seven currents of the
  distance to the means. The reference is 500 MOhm, 100 ms, 14 Hz and 60 mV, or 200, 20, 5 and 5.
- many (36 objectives, too many for a hypervolume): `closeness`, one less the mean over the objectives of
  score / reference, each 1 at most, of the best evaluation.
- all others: the hypervolume in the problem's own box (exact up to five objectives, to 0.3 % above).

CPU seconds of an optimizer are its process's, in ask and tell, without simulations; under contention they hold better
than wall-clock seconds, but a shared cache still slows them.
"""
