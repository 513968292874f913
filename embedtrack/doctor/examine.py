"""All checks, one after the other."""

from collections.abc import Callable, Iterable, Iterator

from embedtrack.doctor import installed, machine, works
from embedtrack.doctor.finding import Finding


def examine(device_name: str = "auto", seconds: float = 10) -> Iterator[Finding]:
    """Look at everything; each finding comes when it is known.

    Args:
        device_name: as of ``infer``.
        seconds: of the speed test; 0 for none.
    """
    checks: dict[str, Callable[[], Iterable[Finding]]] = {
        "program": installed.program,
        "packages": installed.packages,
        "device": lambda: machine.device(device_name),
        "memory": machine.memory,
        "places": machine.places,
        "weights": works.weights,
        "run": lambda: works.run(device_name),
        "speed": lambda: works.speed(device_name, seconds) if seconds else (),
    }
    for topic, check in checks.items():
        try:
            yield from check()
        except Exception as error:  # whatever is broken, the others are looked at
            yield Finding(topic, "", f"{type(error).__name__}: {error}")
