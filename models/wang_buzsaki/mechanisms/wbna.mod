COMMENT
Why: the sodium current of a fast-spiking hippocampal interneuron; m follows the voltage at once.

Equations and numbers: Wang XJ, Buzsaki G (1996) J Neurosci 16:6402-6413, Materials and Methods. `phi` is their temperature
factor, 5, of the gates' rates.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX wbna
    USEION na READ ena WRITE ina
    RANGE gbar, phi, g
}

UNITS {
    (S) = (siemens)
    (mV) = (millivolt)
    (mA) = (milliamp)
}

PARAMETER {
    gbar = 0.035 (S/cm2)
    phi = 5 ()
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
    g = gbar * minf(v)^3 * h
    ina = g * (v - ena)
}

INITIAL {
    h = ah(v) / (ah(v) + bh(v))
}

DERIVATIVE gates {
    h' = phi * (ah(v) * (1 - h) - bh(v) * h)
}

FUNCTION minf(v (mV)) () {
    LOCAL a, b
    a = 0.1 (/mV/ms) * ratio(-35 - v, 10)
    b = 4 (/ms) * exp((-60 - v) / 18 (mV))
    minf = a / (a + b)
}

FUNCTION ah(v (mV)) (/ms) {
    ah = 0.07 (/ms) * exp((-58 - v) / 20 (mV))
}

FUNCTION bh(v (mV)) (/ms) {
    bh = 1 (/ms) / (1 + exp((-28 - v) / 10 (mV)))
}

: x / (exp(x/k) - 1), by its Taylor series around the removable singularity at x = 0
FUNCTION ratio(x (mV), k (mV)) (mV) {
    if (fabs(x / k) < 1e-4) {
        ratio = k - x / 2
    } else {
        ratio = x / (exp(x / k) - 1)
    }
}
