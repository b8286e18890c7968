import numpy as np

from lotviz.transport.cautions import residual_cautions


def test_a_map_that_sees_nothing_is_not_said_to_see_less_than_nothing():
    (said,) = residual_cautions(["a", "b"], np.array([1.0, 2.0 + 1e-15]), np.array([1.0, 2.0]))
    assert "see 0% of" in said
    assert "(0%)" in said
