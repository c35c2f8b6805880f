COMMENT
Why: the sodium current of the soma, which makes the fast spikes of a burst; m follows the voltage at once.

Equations and numbers: Pinsky PF, Rinzel J (1994) J Comput Neurosci 1:39-60, eqs. 3 and 5 and table 1, with their voltages
(relative to a rest of -60 mV) made absolute.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX prna
    USEION na READ ena WRITE ina
    RANGE gbar, g
}

UNITS {
    (S) = (siemens)
    (mV) = (millivolt)
    (mA) = (milliamp)
}

PARAMETER {
    gbar = 0.03 (S/cm2)
}

ASSIGNED {
    v (mV)
    ena (mV)
    ina (mA/cm2)
    g (S/cm2)
}

STATE { h }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar * minf(v)^2 * h
    ina = g * (v - ena)
}

INITIAL {
    h = ah(v) / (ah(v) + bh(v))
}

DERIVATIVE gates {
    h' = ah(v) * (1 - h) - bh(v) * h
}

FUNCTION minf(v (mV)) () {
    LOCAL a, b
    a = 0.32 (/mV/ms) * ratio(-46.9 - v, 4)
    b = 0.28 (/mV/ms) * ratio(v + 19.9, 5)
    minf = a / (a + b)
}

FUNCTION ah(v (mV)) (/ms) {
    ah = 0.128 (/ms) * exp((-43 - v) / 18 (mV))
}

FUNCTION bh(v (mV)) (/ms) {
    bh = 4 (/ms) / (1 + exp((-20 - v) / 5 (mV)))
}

: x / (exp(x/k) - 1), by its Taylor series around the removable singularity at x = 0
FUNCTION ratio(x (mV), k (mV)) (mV) {
    if (fabs(x / k) < 1e-4) {
        ratio = k - x / 2
    } else {
        ratio = x / (exp(x / k) - 1)
    }
}
