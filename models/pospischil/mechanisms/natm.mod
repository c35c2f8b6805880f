COMMENT
Why: the fast sodium current of the minimal cortical cells.

Equations and numbers: Traub RD, Miles R (1991) Neuronal Networks of the Hippocampus, Cambridge University Press, in the form
of Pospischil M et al. (2008) Biol Cybern 99:427-441, eq. 3: rates at 36 degC, shifted by the threshold parameter vt.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX natm
    USEION na READ ena WRITE ina
    RANGE gbar, vt, g
}

UNITS {
    (S) = (siemens)
    (mV) = (millivolt)
    (mA) = (milliamp)
}

PARAMETER {
    gbar = 0.05 (S/cm2)
    vt = -55 (mV)
}

ASSIGNED {
    v (mV)
    ena (mV)
    ina (mA/cm2)
    g (S/cm2)
}

STATE { m h }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar * m^3 * h
    ina = g * (v - ena)
}

INITIAL {
    m = am(v) / (am(v) + bm(v))
    h = ah(v) / (ah(v) + bh(v))
}

DERIVATIVE gates {
    m' = am(v) * (1 - m) - bm(v) * m
    h' = ah(v) * (1 - h) - bh(v) * h
}

FUNCTION am(v (mV)) (/ms) {
    am = 0.32 (/mV/ms) * ratio(v - vt - 13, 4)
}

FUNCTION bm(v (mV)) (/ms) {
    bm = 0.28 (/mV/ms) * ratio(40 - (v - vt), 5)
}

FUNCTION ah(v (mV)) (/ms) {
    ah = 0.128 (/ms) * exp((17 - (v - vt)) / 18 (mV))
}

FUNCTION bh(v (mV)) (/ms) {
    bh = 4 (/ms) / (1 + exp((40 - (v - vt)) / 5 (mV)))
}

: x / (1 - exp(-x/k)), by its Taylor series around the removable singularity at x = 0
FUNCTION ratio(x (mV), k (mV)) (mV) {
    if (fabs(x / k) < 1e-4) {
        ratio = k + x / 2
    } else {
        ratio = x / (1 - exp(-x / k))
    }
}
