COMMENT
Why: the persistent L-type calcium current of the motoneuron's dendrite, which carries plateau potentials.

Equations and numbers: Booth V, Rinzel J, Kiehn O (1997) J Neurophysiol 78:3371-3385, appendix. Ohmic, with a fixed reversal
potential of its own: NEURON would set eca from the pool by the Nernst equation, which the paper does not use.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX cal
    USEION ca WRITE ica
    RANGE gbar, e, g
}

UNITS {
    (S) = (siemens)
    (mV) = (millivolt)
    (mA) = (milliamp)
}

PARAMETER {
    gbar = 0.00033 (S/cm2)
    e = 80 (mV)
}

ASSIGNED {
    v (mV)
    ica (mA/cm2)
    g (S/cm2)
}

STATE { m }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar * m
    ica = g * (v - e)
}

INITIAL {
    m = minf(v)
}

DERIVATIVE gates {
    m' = (minf(v) - m) / 40 (ms)
}

FUNCTION minf(v (mV)) {
    minf = 1 / (1 + exp(-(v + 40) / 7 (mV)))
}
