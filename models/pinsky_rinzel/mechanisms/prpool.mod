COMMENT
Why: the calcium pool under the dendrite's membrane, which the two calcium-activated potassium currents read.

Equation and numbers: Pinsky PF, Rinzel J (1994) J Comput Neurosci 1:39-60, eq. 6: Ca' = -0.13 ICa - 0.075 Ca with ICa in
uA/cm2 and Ca in arbitrary units. One of these units is 1 uM here (cai is in mM), which gives `phi` its 1e-3.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX prpool
    USEION ca READ ica WRITE cai
    RANGE phi, beta, cainit
}

UNITS {
    (mA) = (milliamp)
    (mM) = (milli/liter)
}

PARAMETER {
    phi = 0.13 (mM cm2/ms/mA)
    beta = 0.075 (/ms)
    cainit = 0.2e-3 (mM)
}

ASSIGNED {
    ica (mA/cm2)
}

STATE { cai (mM) }

BREAKPOINT {
    SOLVE pool METHOD cnexp
}

INITIAL {
    cai = cainit
}

DERIVATIVE pool {
    cai' = -phi * ica - beta * cai
}
