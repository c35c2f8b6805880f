COMMENT
Why: the small-conductance potassium current that calcium alone opens: the afterhyperpolarisation and adaptation.

Equation and numbers: Köhler M et al. (1996) Science 273:1709-1714: half activation at 0.43 uM, Hill coefficient 4.8; 1 ms.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX sk
    USEION ca READ cai
    USEION k READ ek WRITE ik
    RANGE gbar, kd, hill, tau, g
}

UNITS {
    (S) = (siemens)
    (mV) = (millivolt)
    (mA) = (milliamp)
    (mM) = (milli/liter)
}

PARAMETER {
    gbar = 0 (S/cm2)
    kd = 0.43e-3 (mM)
    hill = 4.8 ()
    tau = 1 (ms)
}

ASSIGNED {
    v (mV)
    cai (mM)
    ek (mV)
    ik (mA/cm2)
    g (S/cm2)
}

STATE { z }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar * z
    ik = g * (v - ek)
}

INITIAL {
    z = zinf(cai)
}

DERIVATIVE gates {
    z' = (zinf(cai) - z) / tau
}

: no calcium, or what an integrator calls so, opens nothing
FUNCTION zinf(ca (mM)) () {
    zinf = 0
    if (ca > 0) {
        zinf = 1 / (1 + (kd / ca)^hill)
    }
}
