COMMENT
Why: the fast potassium current of the dendrite that calcium and voltage open together: it ends the dendritic spike.

Equations and numbers: Pinsky PF, Rinzel J (1994) J Comput Neurosci 1:39-60, eqs. 4 and 5 and table 1, with their voltages
(relative to a rest of -60 mV) made absolute; calcium acts through min(Ca/250, 1) with 250 of their units, 0.25 mM here.
Above -10 mV the opening and closing rates add up to the opening rate alone.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX prkc
    USEION ca READ cai
    USEION k READ ek WRITE ik
    RANGE gbar, casat, g
}

UNITS {
    (S) = (siemens)
    (mV) = (millivolt)
    (mA) = (milliamp)
    (mM) = (milli/liter)
}

PARAMETER {
    gbar = 0.015 (S/cm2)
    casat = 0.25 (mM)
}

ASSIGNED {
    v (mV)
    cai (mM)
    ek (mV)
    ik (mA/cm2)
    g (S/cm2)
}

STATE { c }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar * c * chi(cai)
    ik = g * (v - ek)
}

INITIAL {
    c = ac(v) / total(v)
}

DERIVATIVE gates {
    c' = ac(v) * (1 - c) - (total(v) - ac(v)) * c
}

FUNCTION chi(ca (mM)) () {
    chi = 1
    if (ca < casat) {
        chi = ca / casat
    }
}

FUNCTION ac(v (mV)) (/ms) {
    if (v <= -10) {
        ac = exp((v + 50) / 11 (mV) - (v + 53.5) / 27 (mV)) / 18.975 (ms)
    } else {
        ac = total(v)
    }
}

FUNCTION total(v (mV)) (/ms) {
    total = 2 (/ms) * exp((-53.5 - v) / 27 (mV))
}
