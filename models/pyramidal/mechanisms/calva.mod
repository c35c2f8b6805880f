COMMENT
Why: the low-threshold calcium current, which lets the apical hot zone answer to modest depolarisation.

Equations and numbers: activation and inactivation of Avery RB, Johnston D (1996) J Neurosci 16:5567-5582, time constants of
Randall AD, Tsien RW (1997) Neuropharmacology 36:879-893, with the 10 mV liquid-junction correction and the Q10 of 2.3 (from
21 degC) of Hay E et al. (2011) PLoS Comput Biol 7:e1002107.
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX calva
    USEION ca READ eca WRITE ica
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
    eca (mV)
    ica (mA/cm2)
    minf ()
    hinf ()
    mtau (ms)
    htau (ms)
    g (S/cm2)
}

STATE { m h }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar * m^2 * h
    ica = g * (v - eca)
}

INITIAL {
    faster = 2.3^((celsius - 21) / 10 (degC))
    rates(v)
    m = minf
    h = hinf
}

DERIVATIVE gates {
    rates(v)
    m' = (minf - m) / mtau
    h' = (hinf - h) / htau
}

PROCEDURE rates(v (mV)) {
    minf = 1 / (1 + exp((-40 - v) / 6 (mV)))
    hinf = 1 / (1 + exp((v + 90) / 6.4 (mV)))
    mtau = (5 (ms) + 20 (ms) / (1 + exp((v + 35) / 5 (mV)))) / faster
    htau = (20 (ms) + 50 (ms) / (1 + exp((v + 50) / 7 (mV)))) / faster
}
