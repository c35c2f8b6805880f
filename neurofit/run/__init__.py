"""What makes a run and what reads it; this file imports nothing, so that each of the others is to be had on its own.

The straight way of a fit: `fit` takes a file or a problem; `stages` makes of it the steps to be fitted one after the
other; `warm` and `rescore` score earlier runs' evaluations for a start; `engines` settles what simulates; `session`
asks the optimizer, has candidates evaluated, archives the evaluations and tells them, until the budget, `stopping` (the
fit is good enough or grows no more) or `stop` (a signal) ends it; `progress` is what others see meanwhile, `textfiles`
writes what people read.

The way back: `results` opens the archive as a Run (`staged`: a Run for each stage); `confirmation` and `failures` put
the front's differences and what failed in words; `again` simulates solutions anew and `learned` trains surrogates, both
for pictures; `comparing` holds several runs against each other, and `retarget` scores an old one by new targets.
"""
