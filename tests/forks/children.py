"""Work done in children of a fork."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

_FORK = multiprocessing.get_context("fork")
SECONDS = 30.0


def in_children(*works: Callable[[], object]) -> list[object]:
    """What each returned, in a child of its own and all at once; of an error its class's name and its text.

    A child that hangs, on a socket whose answer another one took, is killed: None.
    """
    started = [_start(work) for work in works]
    return [_end(process, answers) for process, answers in started]


def _start(work: Callable[[], object]) -> tuple[BaseProcess, Connection]:
    answers, answer = _FORK.Pipe(duplex=False)

    def run() -> None:
        try:
            answer.send(work())
        except BaseException as error:
            answer.send(f"{type(error).__name__}: {error}")

    process = _FORK.Process(target=run)
    process.start()
    answer.close()
    return process, answers


def _end(process: BaseProcess, answers: Connection) -> object:
    try:
        return answers.recv() if answers.poll(SECONDS) else None
    except EOFError:
        return None
    finally:
        process.join(1.0)
        process.kill()
        process.join()
        answers.close()
