"""`Allocated`: a state that is declared, and made later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._errors import StateNotInitializedError


class Allocated:
    """A state that ``init_state`` makes, in the class body of a module; before that, reading it is an error."""

    if TYPE_CHECKING:  # the attribute of an instance is a state

        def __new__(cls, *args: Any, **kwargs: Any) -> Any: ...

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, obj: Any, owner: type) -> Any:  # reached only while the instance has no state of this name
        if obj is None:
            return self
        raise StateNotInitializedError(
            f'{obj.label}: {self.name} is not allocated yet; call brainpy_state.nn.init_all_states(model) before the first step,'
            ' and again if a projection or an input was added since.'
        )

    def belongs_to(self, obj: Any) -> bool:
        """Whether an instance has this state, allocated or not."""
        return True
