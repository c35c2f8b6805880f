COMMENT
Why: the transient sodium current, which makes the spike in the axon and soma and carries it up the dendrite.

Equations: Colbert CM, Pan E (2002) Nat Neurosci 5:533-538, fitted with the rates that Hay E et al. (2011) PLoS Comput Biol
7:e1002107 give at 21 degC, Q10 2.3. `shift` moves both gates: 0 in the axon, 6 mV in soma and dendrites.
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
    celsius (degC)
    faster ()
    ena (mV)
    ina (mA/cm2)
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
    m = am(v) / (am(v) + bm(v))
    h = hinf(v)
}

DERIVATIVE gates {
    m' = faster * (am(v) * (1 - m) - bm(v) * m)
    h' = faster * (hinf(v) - h) * rh(v)
}

FUNCTION am(v (mV)) (/ms) {
    am = 0.182 (/mV/ms) * ratio(v + 38 - shift, 6)
}

FUNCTION bm(v (mV)) (/ms) {
    bm = 0.124 (/mV/ms) * ratio(shift - 38 - v, 6)
}

FUNCTION hinf(v (mV)) () {
    hinf = 1 / (1 + exp((v + 66 - shift) / 6 (mV)))
}

: the sum of both rates of h, which have one factor
FUNCTION rh(v (mV)) (/ms) {
    rh = 0.015 (/mV/ms) * (ratio(v + 66 - shift, 6) + ratio(shift - 66 - v, 6))
}

: x / (1 - exp(-x/k)), by its Taylor series around the removable singularity at x = 0
FUNCTION ratio(x (mV), k (mV)) (mV) {
    if (fabs(x / k) < 1e-4) {
        ratio = k + x / 2
    } else {
        ratio = x / (1 - exp(-x / k))
    }
}
