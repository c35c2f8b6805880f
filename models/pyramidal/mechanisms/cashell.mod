COMMENT
Why: the calcium under the membrane, which opens SK and moves the calcium reversal potential.

Equation: Destexhe A, Mainen ZF, Sejnowski TJ (1994) J Comput Neurosci 1:195-230: inflow into a shell of `depth`, of which the
share `gamma` stays free, and an exponential return to `rest` with the time constant `decay`.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX cashell
    USEION ca READ ica WRITE cai
    RANGE gamma, decay, depth, rest
}

UNITS {
    (mA) = (milliamp)
    (mM) = (milli/liter)
    (um) = (micron)
    FARADAY = (faraday) (coulombs)
}

PARAMETER {
    gamma = 0.0005 ()
    decay = 80 (ms)
    depth = 0.1 (um)
    rest = 1e-4 (mM)
}

ASSIGNED {
    ica (mA/cm2)
}

STATE { cai (mM) }

BREAKPOINT {
    SOLVE pool METHOD cnexp
}

INITIAL {
    cai = rest
}

DERIVATIVE pool {
    cai' = -(1e4) * ica * gamma / (2 * FARADAY * depth) - (cai - rest) / decay
}
