"""Published laws of programming error, drift and read noise, as functions of the conductance.

Conductances in microsiemens, as published.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

PCM_G_MAX_US = 25.0
"""Conductance range of the phase-change laws. Source: aihwkit, PCMLikeNoiseModel."""
PCM_DRIFT_T0_S = 20.0
"""Time at which the programmed conductance is given. Source: as above."""
PCM_READ_TIME_S = 250e-9
"""Duration of a read. Source: as above."""


def pcm_programming_sigma_us(g_us: npt.ArrayLike) -> FloatArray:
    """Return the spread after programming a phase-change cell. Source: aihwkit, after Nandakumar et al. (2019), sigma(g/25 uS)."""
    g = np.asarray(g_us, np.float64) / PCM_G_MAX_US
    return np.maximum(0.26348 + 1.9650 * g - 1.1731 * g**2, 0.0)


def pcm_drift_exponent(g_us: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return mean and spread of a phase-change cell's drift exponent. Source: as `pcm_programming_sigma_us`."""
    logarithm = np.log(np.maximum(np.asarray(g_us, np.float64) / PCM_G_MAX_US, 1e-12))
    return np.clip(-0.0155 * logarithm + 0.0244, 0.049, 0.1), np.clip(-0.0125 * logarithm - 0.0059, 0.008, 0.045)


def pcm_read_sigma(g_us: npt.ArrayLike, t_s: npt.ArrayLike) -> FloatArray:
    """Return the relative spread of a reading `t_s` seconds after programming: 1/f noise over the band so far. Source: as above."""
    g = np.maximum(np.asarray(g_us, np.float64) / PCM_G_MAX_US, 1e-12)
    q = np.minimum(0.0088 / g**0.65, 0.2)
    return q * np.sqrt(np.log((np.asarray(t_s, np.float64) + PCM_READ_TIME_S) / (2 * PCM_READ_TIME_S)))


def rram_milo_sigma_us(g_us: npt.ArrayLike) -> FloatArray:
    """Return the programming spread of HfO2 cells of 50 to 225 uS. Source: CrossSim, after Milo et al., IRPS (2021)."""
    return np.maximum(-0.009107 * np.asarray(g_us, np.float64) + 4.782321, 0.0)


def pcm_joshi_sigma_us(g_us: npt.ArrayLike) -> FloatArray:
    """Return the programming spread of phase-change cells up to 25 uS.

    Source: CrossSim, after Joshi et al., Nat. Commun. 11:2473 (2020).
    """
    g = np.asarray(g_us, np.float64)
    return np.maximum(-0.00178767 * g**2 + 0.07585724 * g + 0.28638599, 0.0)
