"""Pictures: pure functions from a result to a HoloViews element; no Panel and no computation here."""
