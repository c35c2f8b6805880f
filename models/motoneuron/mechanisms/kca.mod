COMMENT
Why: the calcium-activated potassium current of the motoneuron's soma and dendrite, which shapes the AHP and the f-I curve.

Equations and numbers: Booth V, Rinzel J, Kiehn O (1997) J Neurophysiol 78:3371-3385, appendix. It follows calcium at once:
g = gbar * cai / (cai + kd), kd = 0.2 uM.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX kca
    USEION ca READ cai
    USEION k READ ek WRITE ik
    RANGE gbar, kd, g
}

UNITS {
    (S) = (siemens)
    (mV) = (millivolt)
    (mA) = (milliamp)
    (mM) = (milli/liter)
}

PARAMETER {
    gbar = 0.005 (S/cm2)
    kd = 0.0002 (mM)
}

ASSIGNED {
    v (mV)
    cai (mM)
    ek (mV)
    ik (mA/cm2)
    g (S/cm2)
}

BREAKPOINT {
    g = gbar * cai / (cai + kd)
    ik = g * (v - ek)
}
