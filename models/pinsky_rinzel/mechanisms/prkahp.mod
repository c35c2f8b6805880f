COMMENT
Why: the slow potassium current of the dendrite that calcium opens: it sets the time between bursts.

Equations and numbers: Pinsky PF, Rinzel J (1994) J Comput Neurosci 1:39-60, eqs. 4 and 5 and table 1: opening rate
min(2e-5 Ca, 0.01) /ms with Ca in their units (1 uM here), closing rate 0.001 /ms.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX prkahp
    USEION ca READ cai
    USEION k READ ek WRITE ik
    RANGE gbar, slope, amax, bq, g
}

UNITS {
    (S) = (siemens)
    (mV) = (millivolt)
    (mA) = (milliamp)
    (mM) = (milli/liter)
}

PARAMETER {
    gbar = 0.0008 (S/cm2)
    slope = 0.02 (/ms/mM)
    amax = 0.01 (/ms)
    bq = 0.001 (/ms)
}

ASSIGNED {
    v (mV)
    cai (mM)
    ek (mV)
    ik (mA/cm2)
    g (S/cm2)
}

STATE { q }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar * q
    ik = g * (v - ek)
}

INITIAL {
    q = aq(cai) / (aq(cai) + bq)
}

DERIVATIVE gates {
    q' = aq(cai) * (1 - q) - bq * q
}

FUNCTION aq(ca (mM)) (/ms) {
    aq = slope * ca
    if (aq > amax) {
        aq = amax
    }
}
