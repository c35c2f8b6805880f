COMMENT
Why: the hyperpolarisation-activated cation current, denser the farther from the soma: it makes the sag and damps the tuft.

Equations and numbers: Kole MHP, Hallermann S, Stuart GJ (2006) J Neurosci 26:1677-1687, measured at 34 degC; no temperature
factor.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX ih
    NONSPECIFIC_CURRENT i
    RANGE gbar, e, g
}

UNITS {
    (S) = (siemens)
    (mV) = (millivolt)
    (mA) = (milliamp)
}

PARAMETER {
    gbar = 0 (S/cm2)
    e = -45 (mV)
}

ASSIGNED {
    v (mV)
    i (mA/cm2)
    minf ()
    mtau (ms)
    g (S/cm2)
}

STATE { m }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar * m
    i = g * (v - e)
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
    LOCAL a, b
    a = 0.00643 (/mV/ms) * ratio(-154.9 - v, 11.9)
    b = 0.193 (/ms) * exp(v / 33.1 (mV))
    minf = a / (a + b)
    mtau = 1 / (a + b)
}

: x / (1 - exp(-x/k)), by its Taylor series around the removable singularity at x = 0
FUNCTION ratio(x (mV), k (mV)) (mV) {
    if (fabs(x / k) < 1e-4) {
        ratio = k + x / 2
    } else {
        ratio = x / (1 - exp(-x / k))
    }
}
