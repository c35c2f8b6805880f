COMMENT
Why: the low-threshold (T-type) calcium current that makes LTS cells fire on rebound.

Equations and numbers: Destexhe A et al. (1996) J Neurophysiol 76:2049-2070 (fit to Huguenard JR, McCormick DA 1992,
J Neurophysiol 68:1373-1383), as used by Pospischil M et al. (2008) Biol Cybern 99:427-441, eq. 7. Activation is at its
steady state. In the printed equation 7 the constant 30.8 ms looks as if it shared the quotient; it stands alone, as in the
1996 paper. Time constants are for 24 degC, divided by 3^((celsius - 24)/10). vx shifts all curves.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX icat
    USEION ca READ eca WRITE ica
    RANGE gbar, vx, g
}

UNITS {
    (S) = (siemens)
    (mV) = (millivolt)
    (mA) = (milliamp)
}

PARAMETER {
    gbar = 0 (S/cm2)
    vx = 2 (mV)
}

ASSIGNED {
    v (mV)
    celsius (degC)
    eca (mV)
    ica (mA/cm2)
    g (S/cm2)
}

STATE { u }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar * sinf(v)^2 * u
    ica = g * (v - eca)
}

INITIAL {
    u = uinf(v)
}

DERIVATIVE gates {
    u' = (uinf(v) - u) / utau(v)
}

FUNCTION sinf(v (mV)) {
    sinf = 1 / (1 + exp(-(v + vx + 57) / 6.2 (mV)))
}

FUNCTION uinf(v (mV)) {
    uinf = 1 / (1 + exp((v + vx + 81) / 4 (mV)))
}

FUNCTION utau(v (mV)) (ms) {
    LOCAL x
    x = v + vx
    utau = 30.8 (ms) + 1 (ms) * (211.4 + exp((x + 113.2) / 5 (mV))) / (1 + exp((x + 84) / 3.2 (mV)))
    utau = utau / 3^((celsius - 24) / 10 (degC))
}
