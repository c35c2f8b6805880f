COMMENT
Why: the leaky integrate-and-fire neuron with synapses that are jumps of the voltage, which NEURON's own artificial cells
lack a reset above rest for.

Equations and numbers: Brunel N (2000) J Comput Neurosci 8:183-208, section 2. The voltage is measured from rest and decays
with `tau`; an event adds its weight to it; at `theta` the cell fires, stays at `reset` for `refrac` and hears nothing
meanwhile.

What arrives within a step of `grid` takes effect together at its end: cells that fire at one event would otherwise reach
their targets at the very same time, and the order in which a simulator delivers those would decide who fires.
Excitation and inhibition are summed apart, so that the sums are the same in any order.
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
    since (ms)
    waiting
}

INITIAL {
    m = 0
    above = 0
    below = 0
    since = 0
    waiting = 0
}

NET_RECEIVE(weight (mV)) {
    LOCAL next
    if (flag == 0) {
        if (weight > 0) {
            above = above + weight
        } else {
            below = below + weight
        }
        if (waiting == 0) {
            waiting = 1
            next = (floor(t / grid + 1e-6) + 1) * grid
            net_send(next - t, 1)
        }
    } else {
        waiting = 0
        if (t >= since - 1e-6) {
            m = m * exp(-(t - since) / tau) + above + below
            since = t
            if (m >= theta) {
                net_event(t)
                m = reset
                since = t + refrac
            }
        }
        above = 0
        below = 0
    }
}
