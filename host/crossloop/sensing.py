"""Reading an array in volts, siemens, amperes and seconds: conductances and matrix-vector products."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossloop.fabric.read_out import read_out_plan
from crossloop.nodes import ReadNodes
from crossloop.operation import Codes, check_line, lines_of
from crossloop.operations import Product
from crossloop.protocol.errors import RangeError
from crossloop.protocol.streams import Family
from crossloop.quantise import Quantise, finite_array, level_codes
from crossloop.reads import mean_of_good, read_plan

if TYPE_CHECKING:
    from crossloop.session import Session

_Number = TypeVar("_Number", np.int64, np.float64)

SETTLE_S = 1e-6
"""Default time the levels drive before the integration."""
INTEGRATE_S = 1e-6
"""Default integration time."""
LARGEST_COUNT = 0xFFFF
"""Most conversions to average, and most pulses of one train."""


class Sensing:
    """What can be read from one array of a session.

    Parameters
    ----------
    session : Session
        The session it belongs to; its outputs must be armed for every operation.
    index : int
        Which array.

    Attributes
    ----------
    shape : tuple of int
        (rows, columns).
    """

    def __init__(self, session: Session, index: int) -> None:
        check_line("tile", index, session.parameters.tiles)
        self.session = session
        self.index = int(index)
        self.shape = (session.parameters.rows, session.parameters.columns)

    def read_cell(
        self,
        row: int,
        column: int,
        *,
        v_read_v: float | None = None,
        averages: int = 1,
        range_index: int = 0,
        settle_s: float = SETTLE_S,
        integrate_s: float = INTEGRATE_S,
    ) -> float:
        """Return the conductance of one cell in siemens; parameters as `read_all`."""
        check_line("column", column, self.shape[1])
        whole = self.read_row(
            row,
            v_read_v=v_read_v,
            averages=averages,
            range_index=range_index,
            settle_s=settle_s,
            integrate_s=integrate_s,
        )
        return float(whole[column])

    def read_row(
        self,
        row: int,
        *,
        v_read_v: float | None = None,
        averages: int = 1,
        range_index: int = 0,
        settle_s: float = SETTLE_S,
        integrate_s: float = INTEGRATE_S,
    ) -> NDArray[np.float64]:
        """Return the conductances of one row in siemens, shape (columns,); parameters as `read_all`."""
        check_line("row", row, self.shape[0])
        rows = range(int(row), int(row) + 1)
        whole = self._read(rows, v_read_v, averages, range_index, settle_s, integrate_s)
        return whole.reshape(-1)

    def read_all(
        self,
        *,
        v_read_v: float | None = None,
        averages: int = 1,
        range_index: int = 0,
        settle_s: float = SETTLE_S,
        integrate_s: float = INTEGRATE_S,
        through_memory: bool = False,
    ) -> NDArray[np.float64]:
        """Read every cell: one row driven at a time, all columns sensed at virtual ground.

        Parameters
        ----------
        v_read_v : float, optional
            Voltage of the driven row in volts; by default the largest level in the window.
        averages : int
            Conversions per cell.
        range_index : int
            Converter range, 0 is the widest.
        settle_s, integrate_s : float
            Time before and of the integration in seconds.
        through_memory : bool
            Collect the codes in the device's vector memory and fetch them from there: fewer bytes on the link, for one conversion per cell.
            A code at the converter's limit then counts as saturated, since the memory holds no flags.

        Returns
        -------
        ndarray
            Conductances in siemens, shape (rows, columns); NaN where the converter was saturated in every conversion.

        Raises
        ------
        RangeError
            If the voltage or a time is not representable or outside the limits; nothing was sent.
        """
        rows = range(self.shape[0])
        if through_memory:
            if averages != 1:
                raise RangeError(
                    f"averages must be 1 for a reading through the vector memory, not {averages!r}; read several times, or "
                    "without through_memory; nothing was sent"
                )
            return self._read_out(rows, v_read_v, range_index, settle_s, integrate_s)
        return self._read(rows, v_read_v, averages, range_index, settle_s, integrate_s)

    def multiply(
        self,
        v_row_v: ArrayLike,
        *,
        pair: bool = False,
        quantise: Quantise | None = None,
        range_index: int = 0,
        settle_s: float = SETTLE_S,
        integrate_s: float = INTEGRATE_S,
    ) -> NDArray[np.float64]:
        """Drive the rows and measure the column currents: I = V G.

        Parameters
        ----------
        v_row_v : array_like
            Voltages of the rows in volts, shape (rows,).
        pair : bool
            Measure differences: output k is column 2k minus column 2k + 1.
        quantise : {"nearest", "toward_zero"}, optional
            How to round voltages that have no exact code; they are refused without it.
        range_index, settle_s, integrate_s
            As in `read_all`.

        Returns
        -------
        ndarray
            Currents in amperes, shape (columns,), or (columns // 2,) in pairs; NaN where the converter was saturated.
        """
        codes = level_codes(
            "v_row_v", finite_array("v_row_v", v_row_v, self.shape[:1], "V"), self.session.levels, quantise
        )
        return self._product(
            Family.COLUMNS, codes, pair=pair, range_index=range_index, settle_s=settle_s, integrate_s=integrate_s
        )

    def multiply_transposed(
        self,
        v_column_v: ArrayLike,
        *,
        pair: bool = False,
        quantise: Quantise | None = None,
        range_index: int = 0,
        settle_s: float = SETTLE_S,
        integrate_s: float = INTEGRATE_S,
    ) -> NDArray[np.float64]:
        """Drive the columns and measure the row currents: I = G V.

        Parameters
        ----------
        v_column_v : array_like
            Voltages in volts, shape (columns,), or (columns // 2,) in pairs.
        pair : bool
            Value k drives column 2k with its voltage and column 2k + 1 with the opposite one.
        quantise, range_index, settle_s, integrate_s
            As in `multiply`.

        Returns
        -------
        ndarray
            Currents in amperes, shape (rows,); NaN where the converter was saturated.
        """
        count = self.shape[1] // 2 if pair else self.shape[1]
        values_v = finite_array("v_column_v", v_column_v, (count,), "V")
        codes = level_codes("v_column_v", values_v, self.session.levels, quantise)
        return self._product(
            Family.ROWS,
            paired(codes) if pair else codes,
            pair=False,
            range_index=range_index,
            settle_s=settle_s,
            integrate_s=integrate_s,
        )

    def read_nodes(
        self,
        v_row_v: ArrayLike,
        v_column_v: ArrayLike,
        *,
        quantise: Quantise | None = None,
        settle_s: float = SETTLE_S,
        integrate_s: float = INTEGRATE_S,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Hold some lines at voltages, let the others float, and measure the voltages of all of them.

        Parameters
        ----------
        v_row_v, v_column_v : array_like
            Voltages of the rows and of the columns in volts, shapes (rows,) and (columns,); NaN lets a line float.
        quantise, settle_s, integrate_s
            As in `multiply`.

        Returns
        -------
        v_row_v, v_column_v : ndarray
            Measured voltages in volts, shapes (rows,) and (columns,); NaN where the converter was saturated.
        """
        codes, held = [], []
        for name, values, count in (("v_row_v", v_row_v, self.shape[0]), ("v_column_v", v_column_v, self.shape[1])):
            wanted = np.asarray(values, np.float64)
            floats = np.isnan(wanted)
            wanted_v = finite_array(name, np.where(floats, 0.0, wanted), (count,), "V")
            codes.append(level_codes(name, wanted_v, self.session.levels, quantise))
            held.append(~floats)
        settle, integrate = self._read_cycles(settle_s, integrate_s)
        reading = ReadNodes(self.index, (codes[0], codes[1]), (held[0], held[1]), settle, integrate)
        step_v = self.session.voltages.step_v
        rows, columns = (
            np.where(found.saturated, np.nan, found.codes * step_v) for found in self.session.execute(reading)[0]
        )
        return rows, columns

    def _read(
        self,
        rows: range,
        v_read_v: float | None,
        averages: int,
        range_index: int,
        settle_s: float,
        integrate_s: float,
    ) -> NDArray[np.float64]:
        code = self._read_code(v_read_v)
        check_line("averages minus 1", averages - 1, LARGEST_COUNT)
        settle, integrate = self._read_cycles(settle_s, integrate_s)
        operations = read_plan(
            self.index,
            rows,
            self.session.parameters,
            code=code,
            averages=int(averages),
            range_index=range_index,
            settle_cycles=settle,
            integrate_cycles=integrate,
        )
        found: list[Codes] = [codes for batch in self.session.execute(*operations) for codes in batch]
        amperes = self._amperes(found, Family.COLUMNS, range_index).reshape(len(rows), -1, self.shape[1])
        return mean_of_good(amperes) / self.session.levels.volts(code)

    def _read_out(
        self, rows: range, v_read_v: float | None, range_index: int, settle_s: float, integrate_s: float
    ) -> NDArray[np.float64]:
        session, samples, columns = self.session, self.session.samples, self.shape[1]
        code = self._read_code(v_read_v)
        settle, integrate = self._read_cycles(settle_s, integrate_s)
        plan = read_out_plan(
            self.index, rows, session.parameters, code=code, range_index=range_index, settle_cycles=settle, integrate_cycles=integrate
        )  # fmt: skip
        found: list[Codes] = []
        for operation in plan:
            session.execute(operation)
            words = session.read_words(0, operation.count * columns).astype(np.int32).reshape(-1, columns)
            limited = (words == samples.code_min) | (words == samples.code_max)
            found += [Codes(row, flags, 0, range_index) for row, flags in zip(words, limited, strict=True)]
        return self._amperes(found, Family.COLUMNS, range_index) / session.levels.volts(code)

    def _read_code(self, v_read_v: float | None) -> int:
        levels, limits = self.session.levels, self.session.limit_codes
        code = limits.level_max if v_read_v is None else levels.code(v_read_v, "v_read_v")
        limits.check_level(code, levels, "v_read_v")
        if code == 0:
            raise RangeError("v_read_v must not be 0 V: without a current there is no conductance; nothing was sent")
        return code

    def _product(
        self,
        sensed: Family,
        codes: NDArray[np.int64],
        *,
        pair: bool,
        range_index: int,
        settle_s: float,
        integrate_s: float,
    ) -> NDArray[np.float64]:
        channels = lines_of(sensed, self.session.parameters) // (2 if pair else 1)
        settle, integrate = self._read_cycles(settle_s, integrate_s)
        product = Product(self.index, sensed, codes, channels, pair, range_index, settle, integrate)
        found: list[Codes] = self.session.execute(product)
        currents: NDArray[np.float64] = self._amperes(found, sensed, range_index)[0]
        return currents

    def _amperes(self, found: list[Codes], sensed: Family, range_index: int) -> NDArray[np.float64]:
        """Return currents, shape (conversions, channels), corrected by the session's calibration; NaN where saturated."""
        step_a = self.session.samples.steps_a[range_index]
        amperes = np.array([np.where(codes.saturated, np.nan, codes.codes * step_a) for codes in found])
        calibration = self.session.calibration
        return amperes if calibration is None else calibration.corrected(sensed, range_index, amperes)

    def _read_cycles(self, settle_s: float, integrate_s: float) -> tuple[int, int]:
        clock = self.session.clock
        return clock.cycles(settle_s, "settle_s", 0xFFFF), clock.cycles(integrate_s, "integrate_s", 0xFFFF)


def paired(values: NDArray[_Number]) -> NDArray[_Number]:
    """Return (n,) values as (2n,): each followed by its opposite, for differential columns."""
    doubled = np.repeat(values, 2)
    doubled[1::2] *= -1
    return doubled
