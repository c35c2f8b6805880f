COMMENT
Why: the delayed-rectifier potassium current of the motoneuron's soma.

Equations and numbers: Booth V, Rinzel J, Kiehn O (1997) J Neurophysiol 78:3371-3385, appendix.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX kdr
    USEION k READ ek WRITE ik
    RANGE gbar, g
}

UNITS {
    (S) = (siemens)
    (mV) = (millivolt)
    (mA) = (milliamp)
}

PARAMETER {
    gbar = 0.1 (S/cm2)
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
    n = ninf(v)
}

DERIVATIVE gates {
    n' = (ninf(v) - n) / ntau(v)
}

FUNCTION ninf(v (mV)) {
    ninf = 1 / (1 + exp(-(v + 28) / 15 (mV)))
}

FUNCTION ntau(v (mV)) (ms) {
    ntau = 7 (ms) / (exp((v + 40) / 40 (mV)) + exp(-(v + 40) / 50 (mV)))
}
