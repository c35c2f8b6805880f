COMMENT
Why: the delayed-rectifier potassium current of the soma, which ends each fast spike.

Equations and numbers: Pinsky PF, Rinzel J (1994) J Comput Neurosci 1:39-60, eqs. 3 and 5 and table 1, with their voltages
(relative to a rest of -60 mV) made absolute.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX prkdr
    USEION k READ ek WRITE ik
    RANGE gbar, g
}

UNITS {
    (S) = (siemens)
    (mV) = (millivolt)
    (mA) = (milliamp)
}

PARAMETER {
    gbar = 0.015 (S/cm2)
}

ASSIGNED {
    v (mV)
    ek (mV)
    ik (mA/cm2)
    g (S/cm2)
}

STATE { n }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar * n
    ik = g * (v - ek)
}

INITIAL {
    n = an(v) / (an(v) + bn(v))
}

DERIVATIVE gates {
    n' = an(v) * (1 - n) - bn(v) * n
}

FUNCTION an(v (mV)) (/ms) {
    an = 0.016 (/mV/ms) * ratio(-24.9 - v, 5)
}

FUNCTION bn(v (mV)) (/ms) {
    bn = 0.25 (/ms) * exp(-1 - 0.025 (/mV) * v)
}

: x / (exp(x/k) - 1), by its Taylor series around the removable singularity at x = 0
FUNCTION ratio(x (mV), k (mV)) (mV) {
    if (fabs(x / k) < 1e-4) {
        ratio = k - x / 2
    } else {
        ratio = x / (exp(x / k) - 1)
    }
}
