COMMENT
Why: the transient sodium current, which makes the spike in the axon and soma and carries it up the dendrite.

Equations: Colbert CM, Pan E (2002) Nat Neurosci 5:533-538, fitted with the rates that Hay E et al. (2011) PLoS Comput Biol
7:e1002107 give at 21 degC, Q10 2.3. `shift` moves both gates: 0 in the axon, 6 mV in soma and dendrites.

One exponential serves both rates: ratio(-x, k) is ratio(x, k) exp(-x/k).
ENDCOMMENT

NEURON {
    THREADSAFE
    SUFFIX nat
    USEION na READ ena WRITE ina
    RANGE gbar, shift, g
}

UNITS {
    (S) = (siemens)
    (mV) = (millivolt)
    (mA) = (milliamp)
}

PARAMETER {
    gbar = 0 (S/cm2)
    shift = 0 (mV)
}

ASSIGNED {
    v (mV)
    faster ()
    celsius (degC)
    ena (mV)
    ina (mA/cm2)
    minf ()
    hinf ()
    mtau (ms)
    htau (ms)
    g (S/cm2)
}

STATE { m h }

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar * m^3 * h
    ina = g * (v - ena)
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
    LOCAL a, b, away
    away = v + 38 - shift
    a = 0.182 (/mV/ms) * ratio(away, 6)
    b = a * 0.124 / 0.182 * exp(-away / 6 (mV))
    minf = a / (a + b)
    mtau = 1 / (faster * (a + b))
    away = v + 66 - shift
    a = exp(-away / 6 (mV))
    hinf = a / (1 + a)
    htau = 1 / (faster * 0.015 (/mV/ms) * ratio(away, 6) * (1 + a))
}

: x / (1 - exp(-x/k)), by its Taylor series around the removable singularity at x = 0
FUNCTION ratio(x (mV), k (mV)) (mV) {
    if (fabs(x / k) < 1e-4) {
        ratio = k + x / 2
    } else {
        ratio = x / (1 - exp(-x / k))
    }
}
