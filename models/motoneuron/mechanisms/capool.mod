COMMENT
Why: the free calcium of one compartment of the motoneuron, filled by its calcium currents and emptied by a linear pump.

Equations: Booth V, Rinzel J, Kiehn O (1997) J Neurophysiol 78:3371-3385, appendix: Ca' = f (-alpha I_Ca - kca Ca). With Ca in uM
and I_Ca in uA/cm2 there, alpha has the same number here, with mM and mA/cm2. The pool starts empty, which is its steady
state wherever the calcium channels are closed.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX capool
    USEION ca READ ica WRITE cai
    RANGE f, alpha, kca
}

UNITS {
    (mA) = (milliamp)
    (mM) = (milli/liter)
}

PARAMETER {
    f = 0.004 : the free fraction of calcium
    alpha = 1 (mM-cm2/mA-ms)
    kca = 8 (/ms)
}

ASSIGNED {
    ica (mA/cm2)
}

STATE { cai (mM) }

BREAKPOINT {
    SOLVE pool METHOD cnexp
}

INITIAL {
    cai = 0
}

DERIVATIVE pool {
    cai' = f * (-alpha * ica - kca * cai)
}
