COMMENT
Why: the slow muscarinic potassium current, which damps the apical dendrite and adapts firing.

Equations and numbers: Adams PR, Brown DA, Constanti A (1982) J Physiol 330:537-572, as Hay E et al. (2011) PLoS Comput Biol
7:e1002107 give them at 21 degC, Q10 2.3.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX im
    USEION k READ ek WRITE ik
    RANGE gbar, g
}

UNITS {
    (S) = (siemens)
    (mV) = (millivolt)
    (mA) = (milliamp)
}

PARAMETER {
    gbar = 0 (S/cm2)
}

ASSIGNED {
    v (mV)
    celsius (degC)
    faster ()
    ek (mV)
    ik (mA/cm2)
    g (S/cm2)
}

STATE { m }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar * m
    ik = g * (v - ek)
}

INITIAL {
    faster = 2.3^((celsius - 21) / 10 (degC))
    m = minf(v)
}

DERIVATIVE gates {
    m' = faster * rate(v) * (minf(v) - m)
}

FUNCTION minf(v (mV)) () {
    minf = 1 / (1 + exp(-0.2 (/mV) * (v + 35)))
}

FUNCTION rate(v (mV)) (/ms) {
    rate = 0.0033 (/ms) * (exp(0.1 (/mV) * (v + 35)) + exp(-0.1 (/mV) * (v + 35)))
}
