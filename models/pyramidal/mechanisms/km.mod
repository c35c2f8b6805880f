COMMENT
Why: the slow muscarinic potassium current, which damps the apical dendrite and adapts firing.

Equations and numbers: Adams PR, Brown DA, Constanti A (1982) J Physiol 330:537-572, as Hay E et al. (2011) PLoS Comput Biol
7:e1002107 give them at 21 degC, Q10 2.3: both rates are 0.0033 /ms at -35 mV and change e-fold in 10 mV.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX km
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
    faster ()
    celsius (degC)
    ek (mV)
    ik (mA/cm2)
    minf ()
    mtau (ms)
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
    rates(v)
    m = minf
}

DERIVATIVE gates {
    rates(v)
    m' = (minf - m) / mtau
}

PROCEDURE rates(v (mV)) {
    LOCAL up
    up = exp(0.1 (/mV) * (v + 35))
    minf = up / (up + 1 / up)
    mtau = 1 / (faster * 0.0033 (/ms) * (up + 1 / up))
}
