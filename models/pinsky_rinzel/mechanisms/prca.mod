COMMENT
Why: the calcium current of the dendrite, which makes the slow dendritic spike that a burst rides on.

Equations and numbers: Pinsky PF, Rinzel J (1994) J Comput Neurosci 1:39-60, eqs. 4 and 5 and table 1, with their voltages
(relative to a rest of -60 mV) made absolute. The reversal potential is a constant of this current: NEURON would replace
eca by the Nernst potential of the pool, which the model does not have.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX prca
    USEION ca WRITE ica
    RANGE gbar, e, g
}

UNITS {
    (S) = (siemens)
    (mV) = (millivolt)
    (mA) = (milliamp)
}

PARAMETER {
    gbar = 0.01 (S/cm2)
    e = 80 (mV)
}

ASSIGNED {
    v (mV)
    ica (mA/cm2)
    g (S/cm2)
}

STATE { s }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar * s^2
    ica = g * (v - e)
}

INITIAL {
    s = as(v) / (as(v) + bs(v))
}

DERIVATIVE gates {
    s' = as(v) * (1 - s) - bs(v) * s
}

FUNCTION as(v (mV)) (/ms) {
    as = 1.6 (/ms) / (1 + exp(-0.072 (/mV) * (v - 5)))
}

FUNCTION bs(v (mV)) (/ms) {
    bs = 0.02 (/mV/ms) * ratio(v + 8.9, 5)
}

: x / (exp(x/k) - 1), by its Taylor series around the removable singularity at x = 0
FUNCTION ratio(x (mV), k (mV)) (mV) {
    if (fabs(x / k) < 1e-4) {
        ratio = k - x / 2
    } else {
        ratio = x / (exp(x / k) - 1)
    }
}
