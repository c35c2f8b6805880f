COMMENT
Why: the slow, non-inactivating M current that makes regular-spiking cells adapt.

Equations and numbers: Yamada WM, Koch C, Adams PR (1989) in Methods in Neuronal Modeling (MIT Press), as used by
Pospischil M et al. (2008) Biol Cybern 99:427-441, eq. 5, at 36 degC. taumax belongs to each segment, not to the mechanism,
so that copies of a cell in one simulation may differ in it.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX im
    USEION k READ ek WRITE ik
    RANGE gbar, taumax, g
}

UNITS {
    (S) = (siemens)
    (mV) = (millivolt)
    (mA) = (milliamp)
}

PARAMETER {
    gbar = 7e-5 (S/cm2)
    taumax = 1000 (ms)
}

ASSIGNED {
    v (mV)
    ek (mV)
    ik (mA/cm2)
    g (S/cm2)
}

STATE { p }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar * p
    ik = g * (v - ek)
}

INITIAL {
    p = pinf(v)
}

DERIVATIVE gates {
    p' = (pinf(v) - p) / ptau(v)
}

FUNCTION pinf(v (mV)) {
    pinf = 1 / (1 + exp(-(v + 35) / 10 (mV)))
}

FUNCTION ptau(v (mV)) (ms) {
    ptau = taumax / (3.3 * exp((v + 35) / 20 (mV)) + exp(-(v + 35) / 20 (mV)))
}
