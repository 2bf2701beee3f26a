"""Workers of a Dask cluster, on any number of computers that see the same folders. Needs ``distributed``, an extra."""

from concurrent.futures import CancelledError
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..errors import EngineError, InputError
from . import work
from .cases import Case
from .kept import Record
from .work import Settings

if TYPE_CHECKING:
    import distributed

SECONDS_TO_CONNECT, SECONDS_FOR_A_WORKER = 20, 600  # a batch system starts workers when it has room


class DaskWorkers:
    """The workers of a Dask scheduler, a case at a time for each of their threads.

    Args:
        address: Of the scheduler, for example tcp://10.0.0.5:8786.

    Raises:
        InputError: distributed is not installed, or nobody answers there.
        ModelError: As `work.warm` raises it there.
        EngineError: No worker came within ten minutes, or as `work.warm` raises it there.
    """

    def __init__(self, settings: Settings, address: str):
        if find_spec("distributed") is None:
            raise InputError(
                "--dask needs distributed, which is not installed. Install it with: pip install distributed"
            )
        import distributed

        self._dask, self._settings = distributed, settings
        self._busy: dict[distributed.Future, Case] = {}
        try:
            self._client = distributed.Client(address, timeout=SECONDS_TO_CONNECT)
        except (OSError, ValueError) as error:
            raise InputError(
                f"No Dask scheduler answers at {address}. Give its address as the scheduler prints it, for example "
                "tcp://10.0.0.5:8786."
            ) from error
        try:
            self._client.wait_for_workers(1, timeout=SECONDS_FOR_A_WORKER)
            self.description = f"{self._client.submit(work.described, settings.options, pure=False).result()}, Dask"
        except TimeoutError as error:
            self.stop()
            raise EngineError(f"The Dask scheduler at {address} got no worker in ten minutes.") from error
        except BaseException:
            self.stop()
            raise

    @property
    def free(self) -> int:
        """How many cases could be started now; one while the cluster has no worker, which then waits."""
        return max(1, sum(self._client.nthreads().values())) - len(self._busy)

    @property
    def busy(self) -> int:
        """How many cases are in work or wait on the cluster."""
        return len(self._busy)

    def start(self, case: Case, attempt: int) -> None:
        """Give a case to the cluster; `ended` tells when it is done."""
        self._busy[self._client.submit(work.do, case, self._settings, attempt, pure=False)] = case

    def ended(self, seconds: float) -> list[tuple[Case, Record | str]]:
        """As `processes.Processes.ended`. Dask itself gives a dead worker's case to others, three times at most.

        Raises:
            OutputError: As `work.do` raises it.
            ModelError: As `work.do` raises it.
            EngineError: As `work.do` raises it, and where the connection to the scheduler was lost.
        """
        with suppress(TimeoutError, CancelledError):
            self._dask.wait(list(self._busy), seconds, "FIRST_COMPLETED")
        if self._client.status != "running":
            raise EngineError("The connection to the Dask scheduler was lost. The same command with --resume goes on.")
        done = [future for future in self._busy if future.status != "pending"]
        return [(self._busy.pop(future), self._answer(future)) for future in done]

    def _answer(self, future: "distributed.Future") -> Record | str:
        try:
            return future.result()
        except self._dask.KilledWorker:
            return (
                "The Dask workers that had this case ended, one after the other: out of memory, or a library crashed."
            )
        except CancelledError:
            return "The Dask scheduler has lost this case."

    def close(self) -> None:
        """Let go of the scheduler, which goes on without this program."""
        self._client.close()

    def stop(self) -> None:
        """What is in work goes on to its end on the workers; nobody waits for it."""
        self._client.cancel(list(self._busy))
        self._client.close()
