from __future__ import annotations

import json

from lotviz.cli import main
from lotviz.data import simulate, write_cohort


def test_an_unreadable_file_stops_the_command_unless_it_may_be_left_out(tmp_path, capsys):
    folder = write_cohort(simulate(samples=3, cells=60, markers=3, seed=8), tmp_path / "made", format="fcs")
    (folder / "fcs" / "P2.fcs").write_bytes(b"FCS3.1 and then nothing")
    assert main(["validate", str(folder), "--json"]) == 1
    refused = json.loads(capsys.readouterr().out)
    assert [problem["where"] for problem in refused["problems"]] == ["fcs/P2.fcs"]
    assert main(["validate", str(folder), "--json", "--skip-unreadable"]) == 0
    read = json.loads(capsys.readouterr().out)
    assert read["samples"] == 2
    assert any("left out, as you chose" in problem["fix"] for problem in read["problems"])
