COMMENT
Why: the fast inhibitory synapse of Wang and Buzsaki's network, whose gates saturate within one presynaptic spike.

Equations and numbers: Wang XJ, Buzsaki G (1996) J Neurosci 16:6402-6413, Materials and Methods, where a gate s of each
presynaptic cell obeys s' = alpha F(V) (1 - s) - s / tau, with alpha = 12 /ms and F near 1 while the cell spikes. During a
spike s comes within 1 % of alpha tau / (alpha tau + 1); here an event takes it there at once, and between events it
decays. The delay of the connection, about as long as a spike lasts, stands for the rise. One point process sums the gates
of all sources that end on a cell.
ENDCOMMENT

NEURON {
    THREADSAFE
    POINT_PROCESS wbsyn
    NONSPECIFIC_CURRENT i
    RANGE tau, e, alpha, g, i
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (uS) = (microsiemens)
}

PARAMETER {
    tau = 10 (ms) <1e-3, 1e6>
    e = -75 (mV)
    alpha = 12 (/ms)
}

ASSIGNED {
    v (mV)
    i (nA)
}

STATE { g (uS) }

INITIAL {
    g = 0
}

BREAKPOINT {
    SOLVE decay METHOD cnexp
    i = g * (v - e)
}

DERIVATIVE decay {
    g' = -g / tau
}

NET_RECEIVE(weight (uS), s, since (ms)) {
    LOCAL full
    INITIAL {
        s = 0
        since = t
    }
    full = alpha * tau / (alpha * tau + 1)
    s = s * exp(-(t - since) / tau)
    g = g + weight * (full - s)
    s = full
    since = t
}
