COMMENT
Why: the fast sodium current of the motoneuron's soma; its activation is instantaneous.

Equations and numbers: Booth V, Rinzel J, Kiehn O (1997) J Neurophysiol 78:3371-3385, appendix.

The activation of a step is taken from the voltage half a step ahead, extrapolated from the two before. Were it inside the
current, NEURON's Jacobian would hold the negative slope of the upstroke (up to 300 mS/cm2, more than cm/dt), and a fixed step of
0.05 ms would overshoot to thousands of mV. So every step stays bounded, and of second order with secondorder = 2.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX nas
    USEION na READ ena WRITE ina
    RANGE gbar, g
    RANGE m, vlast  : carried
}

UNITS {
    (S) = (siemens)
    (mV) = (millivolt)
    (mA) = (milliamp)
}

PARAMETER {
    gbar = 0.12 (S/cm2)
}

ASSIGNED {
    v (mV)
    ena (mV)
    ina (mA/cm2)
    g (S/cm2)
    m (1)
    vlast (mV)
}

STATE { h }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar * m^3 * h
    ina = g * (v - ena)
}

INITIAL {
    vlast = v
    m = minf(v)
    h = hinf(v)
}

DERIVATIVE gates {
    m = minf(v + (v - vlast) / 2)
    vlast = v
    h' = (hinf(v) - h) / htau(v)
}

FUNCTION minf(v (mV)) {
    minf = 1 / (1 + exp(-(v + 35) / 7.8 (mV)))
}

FUNCTION hinf(v (mV)) {
    hinf = 1 / (1 + exp((v + 55) / 7 (mV)))
}

FUNCTION htau(v (mV)) (ms) {
    htau = 30 (ms) / (exp((v + 50) / 15 (mV)) + exp(-(v + 50) / 16 (mV)))
}
