"""HiGHS without its banner."""

import highspy


class SilentHighs(highspy.Highs):  # type: ignore[misc]  # highspy has no types
    """HiGHS without its banner, which the parent prints while it installs callbacks on construction."""

    def enableCallbacks(self) -> None:
        """Install none: nothing here listens, and the banner comes with them."""
        self.setOptionValue("output_flag", False)
