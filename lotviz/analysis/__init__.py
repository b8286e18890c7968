"""The analysis room: pure functions from arrays and embeddings to frozen results; no picture, no page."""

from __future__ import annotations

from lotviz.analysis.axes import displacement_axes
from lotviz.analysis.bicluster import Biclusters, biclusters
from lotviz.analysis.classification import Classification
from lotviz.analysis.classify import classify
from lotviz.analysis.clustering import Clusters, Following, clusters, following
from lotviz.analysis.composition import (
    Composition,
    cell_populations,
    composition,
    mass_table,
    population_names,
    population_shares,
)
from lotviz.analysis.contribution import contributions
from lotviz.analysis.cost_shares import CostShares, cost_shares
from lotviz.analysis.density import density, density_grid
from lotviz.analysis.displacement import MarkerChange, cell_displacement, marker_change, region_change
from lotviz.analysis.distances import cluster_order, outlying
from lotviz.analysis.drawn_model import Question, fit_drawn_model, question_about
from lotviz.analysis.fidelity import Fidelity, fidelity
from lotviz.analysis.group_difference import GroupDifference, group_difference, group_weights
from lotviz.analysis.interaction import interaction
from lotviz.analysis.interaction_cells import departures
from lotviz.analysis.interaction_readouts import ReadoutExcess
from lotviz.analysis.interaction_result import Interaction
from lotviz.analysis.labels import ordered_classes
from lotviz.analysis.model import LinearModel, fit_model, haufe_pattern
from lotviz.analysis.modes import Modes, mode_table, mode_values, modes
from lotviz.analysis.naive_synthesis import naive_samples
from lotviz.analysis.neighbours import Agreement, label_agreement
from lotviz.analysis.newcomers import distances_to, newcomers
from lotviz.analysis.patient_model import PatientModel, fit_patient_model
from lotviz.analysis.population_shift import PopulationShift, population_shift
from lotviz.analysis.realism import Realism, realism
from lotviz.analysis.reduction import Projection, SampleMap, cell_axes, marker_axes, principal_axes
from lotviz.analysis.region_names import renamed
from lotviz.analysis.region_values import region_values
from lotviz.analysis.regions import (
    Regions,
    cell_regions,
    nearest_regions,
    region_abundance,
    region_abundance_carried,
    region_carried,
    region_pattern,
    region_table,
    region_weights,
    regions,
)
from lotviz.analysis.registered import Registered, flows_table, pairs_table, points_table, registered
from lotviz.analysis.sample_maps import Placed, mds_map, place_on_mds, tsne_map
from lotviz.analysis.severity import Severity, SyntheticScore, made_severe, score_synthetic, severity
from lotviz.analysis.stability import Stability, stability, stability_table
from lotviz.analysis.verdict import Verdict, verdict

__all__ = [
    "Agreement",
    "Biclusters",
    "Classification",
    "Clusters",
    "Composition",
    "CostShares",
    "Fidelity",
    "Following",
    "GroupDifference",
    "Interaction",
    "LinearModel",
    "MarkerChange",
    "Modes",
    "PatientModel",
    "Placed",
    "PopulationShift",
    "Projection",
    "Question",
    "ReadoutExcess",
    "Realism",
    "Regions",
    "Registered",
    "SampleMap",
    "Severity",
    "Stability",
    "SyntheticScore",
    "Verdict",
    "biclusters",
    "cell_axes",
    "cell_displacement",
    "cell_populations",
    "cell_regions",
    "classify",
    "cluster_order",
    "clusters",
    "composition",
    "contributions",
    "cost_shares",
    "density",
    "density_grid",
    "departures",
    "displacement_axes",
    "distances_to",
    "fidelity",
    "fit_drawn_model",
    "fit_model",
    "fit_patient_model",
    "flows_table",
    "following",
    "group_difference",
    "group_weights",
    "haufe_pattern",
    "interaction",
    "label_agreement",
    "made_severe",
    "marker_axes",
    "marker_change",
    "mass_table",
    "mds_map",
    "mode_table",
    "mode_values",
    "modes",
    "naive_samples",
    "nearest_regions",
    "newcomers",
    "ordered_classes",
    "outlying",
    "pairs_table",
    "place_on_mds",
    "points_table",
    "population_names",
    "population_shares",
    "population_shift",
    "principal_axes",
    "question_about",
    "realism",
    "region_abundance",
    "region_abundance_carried",
    "region_carried",
    "region_change",
    "region_pattern",
    "region_table",
    "region_values",
    "region_weights",
    "regions",
    "registered",
    "renamed",
    "score_synthetic",
    "severity",
    "stability",
    "stability_table",
    "tsne_map",
    "verdict",
]
