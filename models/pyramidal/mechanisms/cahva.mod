COMMENT
Why: the high-threshold calcium current, strongest in the hot zone of the apical dendrite, where it makes calcium spikes.

Equations and numbers: Reuveni I, Friedman A, Amitai Y, Gutnick MJ (1993) J Neurosci 13:4609-4621; no temperature factor.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX cahva
    USEION ca READ eca WRITE ica
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
    eca (mV)
    ica (mA/cm2)
    minf ()
    hinf ()
    mtau (ms)
    htau (ms)
    g (S/cm2)
}

STATE { m h }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar * m^2 * h
    ica = g * (v - eca)
}

INITIAL {
    rates(v)
    m = minf
    h = hinf
}

DERIVATIVE gates {
    rates(v)
    m' = (minf - m) / mtau
    h' = (hinf - h) / htau
}

PROCEDURE rates(v (mV)) {
    LOCAL a, b
    a = 0.055 (/mV/ms) * ratio(v + 27, 3.8)
    b = 0.94 (/ms) * exp((-75 - v) / 17 (mV))
    minf = a / (a + b)
    mtau = 1 / (a + b)
    a = 0.000457 (/ms) * exp((-13 - v) / 50 (mV))
    b = 0.0065 (/ms) / (1 + exp((-15 - v) / 28 (mV)))
    hinf = a / (a + b)
    htau = 1 / (a + b)
}

: x / (1 - exp(-x/k)), by its Taylor series around the removable singularity at x = 0
FUNCTION ratio(x (mV), k (mV)) (mV) {
    if (fabs(x / k) < 1e-4) {
        ratio = k + x / 2
    } else {
        ratio = x / (1 - exp(-x / k))
    }
}
