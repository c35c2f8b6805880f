COMMENT
Why: the N-type calcium current of the motoneuron's soma and dendrite.

Equations and numbers: Booth V, Rinzel J, Kiehn O (1997) J Neurophysiol 78:3371-3385, appendix. Ohmic, with a fixed reversal
potential of its own: NEURON would set eca from the pool by the Nernst equation, which the paper does not use.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX can
    USEION ca WRITE ica
    RANGE gbar, e, g
}

UNITS {
    (S) = (siemens)
    (mV) = (millivolt)
    (mA) = (milliamp)
}

PARAMETER {
    gbar = 0.014 (S/cm2)
    e = 80 (mV)
}

ASSIGNED {
    v (mV)
    ica (mA/cm2)
    g (S/cm2)
}

STATE { m h }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar * m^2 * h
    ica = g * (v - e)
}

INITIAL {
    m = minf(v)
    h = hinf(v)
}

DERIVATIVE gates {
    m' = (minf(v) - m) / 4 (ms)
    h' = (hinf(v) - h) / 40 (ms)
}

FUNCTION minf(v (mV)) {
    minf = 1 / (1 + exp(-(v + 30) / 5 (mV)))
}

FUNCTION hinf(v (mV)) {
    hinf = 1 / (1 + exp((v + 45) / 5 (mV)))
}
