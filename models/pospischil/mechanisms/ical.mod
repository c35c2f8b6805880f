COMMENT
Why: the high-threshold (L-type) calcium current that makes intrinsically bursting cells burst.

Equations and numbers: Reuveni I et al. (1993) J Neurosci 13:4609-4621, as used by Pospischil M et al. (2008)
Biol Cybern 99:427-441, eq. 6, at 36 degC. Calcium enters without changing its concentration: eca is a parameter (120 mV).
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX ical
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
    g (S/cm2)
}

STATE { q r }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar * q^2 * r
    ica = g * (v - eca)
}

INITIAL {
    q = aq(v) / (aq(v) + bq(v))
    r = ar(v) / (ar(v) + br(v))
}

DERIVATIVE gates {
    q' = aq(v) * (1 - q) - bq(v) * q
    r' = ar(v) * (1 - r) - br(v) * r
}

FUNCTION aq(v (mV)) (/ms) {
    aq = 0.055 (/mV/ms) * ratio(v + 27, 3.8)
}

FUNCTION bq(v (mV)) (/ms) {
    bq = 0.94 (/ms) * exp((-75 - v) / 17 (mV))
}

FUNCTION ar(v (mV)) (/ms) {
    ar = 0.000457 (/ms) * exp((-13 - v) / 50 (mV))
}

FUNCTION br(v (mV)) (/ms) {
    br = 0.0065 (/ms) / (1 + exp((-15 - v) / 28 (mV)))
}

: x / (1 - exp(-x/k)), by its Taylor series around the removable singularity at x = 0
FUNCTION ratio(x (mV), k (mV)) (mV) {
    if (fabs(x / k) < 1e-4) {
        ratio = k + x / 2
    } else {
        ratio = x / (1 - exp(-x / k))
    }
}
