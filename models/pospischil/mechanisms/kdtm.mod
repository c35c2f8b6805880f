COMMENT
Why: the delayed-rectifier potassium current of the minimal cortical cells.

Equations and numbers: Traub RD, Miles R (1991) Neuronal Networks of the Hippocampus, Cambridge University Press, in the form
of Pospischil M et al. (2008) Biol Cybern 99:427-441, eq. 4: rates at 36 degC, shifted by the threshold parameter vt.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX kdtm
    USEION k READ ek WRITE ik
    RANGE gbar, vt, g
}

UNITS {
    (S) = (siemens)
    (mV) = (millivolt)
    (mA) = (milliamp)
}

PARAMETER {
    gbar = 0.005 (S/cm2)
    vt = -55 (mV)
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
    n' = an(v) * (1 - n) - bn(v) * n
}

FUNCTION an(v (mV)) (/ms) {
    an = 0.032 (/mV/ms) * ratio(v - vt - 15, 5)
}

FUNCTION bn(v (mV)) (/ms) {
    bn = 0.5 (/ms) * exp((10 - (v - vt)) / 40 (mV))
}

: x / (1 - exp(-x/k)), by its Taylor series around the removable singularity at x = 0
FUNCTION ratio(x (mV), k (mV)) (mV) {
    if (fabs(x / k) < 1e-4) {
        ratio = k + x / 2
    } else {
        ratio = x / (1 - exp(-x / k))
    }
}
