"""The only room that NEURON is let into: mechanisms, cells, and the batch engine."""
