COMMENT
Why: the leaky integrate-and-fire neuron with synapses that are jumps of the voltage, which NEURON's own artificial cells
lack a reset above rest for.

Equations and numbers: Brunel N (2000) J Comput Neurosci 8:183-208, section 2. The voltage is measured from rest and decays
with `tau`; an event adds its weight to it; at `theta` the cell fires, stays at `reset` for `refrac` and hears nothing
meanwhile.

What arrives within a step of `grid` takes effect together at its end: cells that fire at one event would otherwise reach
their targets at the very same time, and the order in which a simulator delivers those would decide who fires. Excitation
and inhibition are summed apart, so that the sums are the same in any order; and what arrives just at the end of a step
(delays are often multiples of it) belongs to the next one, whether it is delivered before that end is reckoned or after.
ENDCOMMENT

NEURON {
    THREADSAFE
    ARTIFICIAL_CELL lif
    RANGE tau, theta, reset, refrac, grid
}

UNITS {
    (mV) = (millivolt)
}

PARAMETER {
    tau = 20 (ms) <1e-3, 1e6>
    theta = 20 (mV)
    reset = 10 (mV)
    refrac = 2 (ms) <0, 1e6>
    grid = 0.1 (ms) <1e-3, 10>
}

ASSIGNED {
    m (mV)
    above (mV)
    below (mV)
    above_next (mV)
    below_next (mV)
    since (ms)
    bin
    waiting
    pending
}

INITIAL {
    m = 0
    above = 0
    below = 0
    above_next = 0
    below_next = 0
    since = 0
    bin = 0
    waiting = 0
    pending = 0
}

NET_RECEIVE(weight (mV)) {
    LOCAL here
    if (flag == 0) {
        here = floor(t / grid + 1e-6)
        if (waiting == 0) {
            waiting = 1
            bin = here
            net_send((bin + 1) * grid - t, 1)
        }
        if (here > bin) {
            pending = 1
            if (weight > 0) {
                above_next = above_next + weight
            } else {
                below_next = below_next + weight
            }
        } else if (weight > 0) {
            above = above + weight
        } else {
            below = below + weight
        }
    } else {
        here = (bin + 1) * grid
        if (here >= since - 1e-6) {
            m = m * exp(-(here - since) / tau) + above + below
            since = here
            if (m >= theta) {
                net_event(t)
                m = reset
                since = here + refrac
            }
        }
        above = above_next
        below = below_next
        above_next = 0
        below_next = 0
        waiting = pending
        if (pending == 1) {
            pending = 0
            bin = bin + 1
            net_send(grid, 1)
        }
    }
}
