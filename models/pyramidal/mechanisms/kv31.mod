COMMENT
Why: the fast, high-threshold potassium current (Kv3.1) that repolarises the spike.

Equations and numbers: Rettig J et al. (1992) EMBO J 11:2473-2486, as fitted by Hay E et al. (2011) PLoS Comput Biol
7:e1002107. No temperature factor, as there.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX kv31
    USEION k READ ek WRITE ik
    RANGE gbar, g
}

UNITS {
    (S) = (siemens)
    (mV) = (millivolt)
    (mA) = (milliamp)
}

PARAMETER {
    gbar = 0 (S/cm2)
}

ASSIGNED {
    v (mV)
    ek (mV)
    ik (mA/cm2)
    minf ()
    mtau (ms)
    g (S/cm2)
}

STATE { m }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar * m
    ik = g * (v - ek)
}

INITIAL {
    rates(v)
    m = minf
}

DERIVATIVE gates {
    rates(v)
    m' = (minf - m) / mtau
}

PROCEDURE rates(v (mV)) {
    minf = 1 / (1 + exp((18.7 - v) / 9.7 (mV)))
    mtau = 4 (ms) / (1 + exp((-46.56 - v) / 44.14 (mV)))
}
