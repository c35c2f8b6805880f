COMMENT
Why: the delayed-rectifier potassium current of a fast-spiking hippocampal interneuron.

Equations and numbers: Wang XJ, Buzsaki G (1996) J Neurosci 16:6402-6413, Materials and Methods. `phi` is their temperature
factor, 5, of the gate's rates.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX wbk
    USEION k READ ek WRITE ik
    RANGE gbar, phi, g
}

UNITS {
    (S) = (siemens)
    (mV) = (millivolt)
    (mA) = (milliamp)
}

PARAMETER {
    gbar = 0.009 (S/cm2)
    phi = 5 ()
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
    g = gbar * n^4
    ik = g * (v - ek)
}

INITIAL {
    n = an(v) / (an(v) + bn(v))
}

DERIVATIVE gates {
    n' = phi * (an(v) * (1 - n) - bn(v) * n)
}

FUNCTION an(v (mV)) (/ms) {
    an = 0.01 (/mV/ms) * ratio(-34 - v, 10)
}

FUNCTION bn(v (mV)) (/ms) {
    bn = 0.125 (/ms) * exp((-44 - v) / 80 (mV))
}

: x / (exp(x/k) - 1), by its Taylor series around the removable singularity at x = 0
FUNCTION ratio(x (mV), k (mV)) (mV) {
    if (fabs(x / k) < 1e-4) {
        ratio = k - x / 2
    } else {
        ratio = x / (exp(x / k) - 1)
    }
}
