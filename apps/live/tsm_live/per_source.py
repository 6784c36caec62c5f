"""PerSource: a view for each source, as one view."""

from collections.abc import Mapping

from tsm_live.live_state import Command, LiveState, View


class PerSource:
    """Shows the moments of each source in a view of its own.

    Args:
        views: By name of source.
    """

    def __init__(self, views: Mapping[str, View]):
        self._views = views

    def show(self, state: LiveState) -> None:
        """Shows a moment where it belongs."""
        self._views[state.source].show(state)

    def poll(self) -> list[Command]:
        """Returns what has been asked in any view."""
        return [c for view in self._views.values() for c in view.poll()]

    def close(self) -> None:
        """Ends all views."""
        for view in self._views.values():
            view.close()
