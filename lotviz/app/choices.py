"""What the user has chosen: the whole of it stands in the address of the page, so a link shows the same screen."""

from __future__ import annotations

from collections.abc import Sequence

import param

PAGES = ("Cohort", "Patients", "Transport", "Weights", "Morph", "Drugs")
PRINCIPAL = "Principal axes"
MARKERS = "Two markers"
DISPLACED = "Largest change"  # from the first sample of the pair to the second
VIEW = ("axes", "x", "y")  # the choices that make the view of cells
NONE = "none"  # chosen where a column is possible but not wanted; None means that nothing was offered yet
SEEN = ("By group", "By sample", "Margins", "Transforms")
PARTS = {"Full": "full", "Shift": "shift", "Shape": "shape"}
WEIGHTS = {**PARTS, "Abundance": "abundance"}  # parts of a weight
CARRIED, WEIGHT = "Share carried", "Weight"  # what the table of regions and markers shows
BESIDE = ("What LOT adds", "Confusion", "ROC", "Calibration", "Influence")  # pictures beside the scores
SAMPLES, GROUPS = "Samples", "Groups"
BESIDE_EACH_OTHER, OVERLAID = "Side by side", "Overlaid"  # the cells of the two samples of a pair
GRID, POINTS = "Grid", "Reference points"  # what the arrows of a transport start from
TABLE, FLOW = "Table", "Flow"  # how it is drawn who becomes whom
MOST_CHANGED = "Largest change"  # the marker that changes most, whichever it is
SHADES = (  # what the colours of a morph can mean
    "Number of cells", "Population", "Population at the start", "Contribution to score", "A marker", "How far cells go",
)  # fmt: skip
MORPHS = ("Two samples", "Several", "Along a column", "Towards a class")  # what is morphed
MORPHED = ("morph", "mixed", "along", "within", "level")  # what a morph is of
LINES, KINDS = "Straight lines", "Kind by kind"  # how cells get from one sample to the next
ENDINGS = ("parquet", "csv", "h5ad", "fcs")  # kinds of file that synthetic cells are saved as
PLACINGS = {"PCA": "pca", "MDS": "mds", "t-SNE": "tsne"}  # how a map of the samples is made
PAIRS, BICLUSTERS = "Every pair", "Biclusters"  # what stands beside the map
CELLS, ALONG, AVERAGES = "Cells", "Along an axis", "Group averages"  # what stands below it
AVERAGE, FIRST = "Average", "First of the pair"  # whose cells are moved along an axis
BY_NAME = "found by its name"  # a column that is found by what it is called, if any is
ALL_LINES = "All lines"  # of a drug study: their cells together
POPULATIONS, REGIONS = "Populations", "Regions"  # what is counted under drugs
BY_MARKER, BY_REGION = "Markers", "Regions × markers"  # how the departure from additivity is laid out
SHARE, MEDIAN = "Share of cells", "Median of a marker"  # the single readout of a drug study
STUDIED = ("condition", "control", "drug_a", "drug_b", "drug_both", "line", "replicate", "plate")  # what makes it
ASKED = ("label", "group", "batch", "adjust", "estimator", "abundance", "paired")  # the question put to a cohort

OFFERED = (  # what these can be depends on the cohort that is open
    "label", "group", "batch", "positive", "colour", "a", "b", "x", "y", "cohort", "tried", "region", "tint", "mixed",
    "along", "within", "level", "population", "marker", "group_a", "group_b",
    *STUDIED, "culture",
)  # fmt: skip

# A change of these makes other results: the page as a whole is drawn again.
RESULTS = (
    *ASKED, *STUDIED, "points", "seed", "insist", "shown", "tried", "cells", "other", "beside_map", "below_map",
    *MORPHED, "pairing",
)  # fmt: skip
OPENING = ("cohort", "columns", "layer", "markers", "transform", "transforms", "cofactor", "compensate", "skip")


class Choices(param.Parameterized):
    """A session's choices. The objects of the selectors are those of the cohort that is open."""

    page = param.Selector(default="Cohort", objects=list(PAGES), doc="The page that is shown.")
    cohort = param.Selector(default="", objects=[""], check_on_set=False, doc="The cohort, as the workspace names it.")
    columns = param.Dict(default={}, doc="Columns that play a part under another name: sample, file, cell_type.")
    layer = param.String(default="", doc="The matrix of an AnnData file; X when empty.")
    markers = param.List(default=[], item_type=str, doc="The markers that are used; those of every file when empty.")
    transform = param.Selector(
        default="auto",
        objects=["auto", "arcsinh", "logicle", "log1p", "none"],
        doc="What is done to raw values first.",
    )
    transforms = param.Dict(default={}, doc="Transforms of single markers that differ from that of the others.")
    tried = param.Selector(default=None, objects=[], check_on_set=False, doc="The marker shown under transforms.")
    cofactor = param.Number(
        default=0.0, bounds=(0, 1e6), doc="Raw value at which arcsinh turns from linear to log; 0: by instrument."
    )
    compensate = param.Selector(
        default="auto", objects=["auto", "yes", "no"], doc="Whether spillover matrices of FCS files are applied."
    )
    skip = param.Boolean(default=False, doc="Go on without samples whose file cannot be read.")
    shown = param.Selector(
        default="By group", objects=["By group", "By sample", "Margins", "Transforms"], doc="Of the markers."
    )
    points = param.Integer(default=128, bounds=(2, 5000), doc="Number of reference points.")
    seed = param.Integer(default=0, bounds=(0, 2**31 - 1), doc="Seed of every random step.")
    label = param.Selector(default=None, objects=[], check_on_set=False, doc="The column that names the groups.")
    group = param.Selector(default=None, objects=[], check_on_set=False, doc="The column of who must not be split.")
    batch = param.Selector(default=None, objects=[], check_on_set=False, doc="The column of batches, if any.")
    adjust = param.List(default=[], item_type=str, doc="Columns whose linear part is taken out of the samples.")
    estimator = param.Selector(
        default="auto", objects=["auto", "ridge", "lda", "logistic", "svm"], doc="How the weights are fitted."
    )
    abundance = param.Boolean(default=True, doc="Whether the abundance of clusters is part of the model.")
    paired = param.Selector(
        default="auto", objects=["auto", "yes", "no"], doc="Whether samples are compared within their group."
    )
    positive = param.Selector(default=None, objects=[], check_on_set=False, doc="The group that positive scores mean.")
    colour = param.Selector(default=None, objects=[], check_on_set=False, doc="The column that colours the patients.")
    a = param.Selector(default=None, objects=[], check_on_set=False, doc="The first sample of a pair.")
    b = param.Selector(default=None, objects=[], check_on_set=False, doc="The second sample of a pair.")
    axes = param.Selector(default=PRINCIPAL, objects=[PRINCIPAL, MARKERS, DISPLACED], doc="The view of cells.")
    x = param.Selector(default=None, objects=[], check_on_set=False, doc="The marker to the right, in such a view.")
    y = param.Selector(default=None, objects=[], check_on_set=False, doc="The marker upwards.")
    part = param.Selector(default="Full", objects=list(PARTS), doc="The part of a difference that is shown.")
    weight = param.Selector(default="Full", objects=list(WEIGHTS), doc="The part of the weight that is shown.")
    shows = param.Selector(default=CARRIED, objects=[CARRIED, WEIGHT], doc="What is said of regions and markers.")
    beside = param.Selector(default=BESIDE[0], objects=list(BESIDE), doc="The picture beside the scores.")
    cells = param.Selector(default=SAMPLES, objects=[SAMPLES, GROUPS], doc="Whose cells are shown.")
    region = param.Selector(default=NONE, objects=[NONE], check_on_set=False, doc="The region that stands out.")
    names = param.Dict(default={}, doc="Names that were given to regions, by their number.")
    other = param.String(default="", doc="The cohort whose samples are shown to the model.")
    newcomer = param.String(default="", doc="The sample of it whose cells are shown.")
    shade = param.Selector(default=SHADES[0], objects=list(SHADES), doc="What the colour of a morph means.")
    tint = param.Selector(default=None, objects=[], check_on_set=False, doc="The marker that colours a morph.")
    morph = param.Selector(default=MORPHS[0], objects=list(MORPHS), doc="What is morphed.")
    manner = param.Selector(default=LINES, objects=[LINES, KINDS], doc="How the cells of a morph get from end to end.")
    mixed = param.Selector(
        default=NONE, objects=[NONE], check_on_set=False, doc="The column whose groups are mixed; none for samples."
    )
    corners = param.Dict(default={}, doc="Samples or groups that are mixed, each with its weight in words.")
    along = param.Selector(default=None, objects=[], check_on_set=False, doc="The column a morph goes along.")
    within = param.Selector(
        default=NONE, objects=[NONE], check_on_set=False, doc="The column whose level a morph stays within."
    )
    level = param.Selector(default=NONE, objects=[NONE], check_on_set=False, doc="That level.")
    curves = param.List(default=[], item_type=str, doc="Markers beside a morph; those that differ most when empty.")
    amount = param.Integer(default=10_000, bounds=(1, 1_000_000), doc="Number of synthetic cells to save.")
    ending = param.Selector(default=ENDINGS[0], objects=list(ENDINGS), doc="Kind of file they are saved as.")
    pairing = param.Selector(
        default=BESIDE_EACH_OTHER, objects=[BESIDE_EACH_OTHER, OVERLAID], doc="How the cells of a pair are laid out."
    )
    arrows = param.Selector(default=GRID, objects=[GRID, POINTS], doc="What the arrows of a transport start from.")
    becomes = param.Selector(default=TABLE, objects=[TABLE, FLOW], doc="How it is drawn who becomes whom.")
    population = param.Selector(default=NONE, objects=[NONE], check_on_set=False, doc="The population that stands out.")
    marker = param.Selector(
        default=MOST_CHANGED, objects=[MOST_CHANGED], check_on_set=False, doc="The marker whose curves are drawn."
    )
    placing = param.Selector(default="PCA", objects=list(PLACINGS), doc="How the map of the samples is made.")
    clusters = param.Selector(
        default="auto", objects=["auto", *map(str, range(2, 9))], doc="Number of clusters of samples."
    )
    beside_map = param.Selector(default=PAIRS, objects=[PAIRS, BICLUSTERS], doc="What stands beside the map.")
    below_map = param.Selector(default=CELLS, objects=[CELLS, ALONG, AVERAGES], doc="What stands below the map.")
    mode = param.Selector(default="1", objects=["1", "2", "3"], doc="The axis that cells are moved along.")
    moved = param.Selector(default=AVERAGE, objects=[AVERAGE, FIRST], doc="Whose cells are moved along an axis.")
    group_a = param.Selector(default=NONE, objects=[NONE], check_on_set=False, doc="The first group that is averaged.")
    group_b = param.Selector(default=NONE, objects=[NONE], check_on_set=False, doc="The second group.")
    condition = param.Selector(
        default=NONE, objects=[NONE], check_on_set=False, doc="The column that says which drug a sample was given."
    )
    control = param.Selector(default=None, objects=[], check_on_set=False, doc="Its value for no drug.")
    drug_a = param.Selector(default=None, objects=[], check_on_set=False, doc="Its value for the first drug, A.")
    drug_b = param.Selector(default=None, objects=[], check_on_set=False, doc="Its value for the second drug, B.")
    drug_both = param.Selector(default=None, objects=[], check_on_set=False, doc="Its value for both drugs, A+B.")
    line = param.Selector(default=BY_NAME, objects=[BY_NAME], check_on_set=False, doc="The column of lines.")
    replicate = param.Selector(default=BY_NAME, objects=[BY_NAME], check_on_set=False, doc="The column of replicates.")
    plate = param.Selector(default=BY_NAME, objects=[BY_NAME], check_on_set=False, doc="The column of plates.")
    culture = param.Selector(
        default=ALL_LINES, objects=[ALL_LINES], check_on_set=False, doc="The line whose cells are shown."
    )
    counted = param.Selector(default=POPULATIONS, objects=[POPULATIONS, REGIONS], doc="What is counted under drugs.")
    departs = param.Selector(default=BY_MARKER, objects=[BY_MARKER, BY_REGION], doc="How departures are laid out.")
    readout = param.Selector(default=SHARE, objects=[SHARE, MEDIAN], doc="The single readout of a drug study.")
    insist = param.Boolean(default=False, doc="Show weights that explain nothing but noise.")
    t = param.Number(default=0.5, bounds=(0, 1), doc="Place of the morph between the first sample and the second.")
    theme = param.Selector(default="light", objects=["light", "dark"], doc="Light or dark.")

    IN_ADDRESS = (
        "page", "cohort", "columns", "layer", "markers", "transform", "transforms", "tried", "cofactor", "compensate",
        "skip", "points", "seed", "label", "group", "batch", "adjust", "estimator", "abundance", "paired", "positive",
        "colour", "a", "b", "axes", "x", "y", "part", "shade", "tint", "morph", "manner", "mixed", "corners", "along",
        "within", "level", "curves", "amount", "ending", "weight", "shows", "beside", "cells", "region", "names",
        "other", "newcomer", "pairing", "arrows", "becomes", "population", "marker", "placing", "clusters",
        "beside_map", "below_map", "mode", "moved", "group_a", "group_b", *STUDIED, "culture", "counted", "departs",
        "readout", "insist", "t", "shown", "theme",
    )  # fmt: skip

    def __init__(self, **chosen: object) -> None:
        super().__init__()
        for name in OFFERED:
            # A list of its own: what one session may choose from is not to be seen in another.
            self.param[name].objects = list(self.param[name].objects)
        self.param.update(**chosen)

    def forget(self) -> None:
        """Forget what was chosen of the cohort that is open: a column of the next may have the same name by chance."""
        for name in OFFERED:
            if name != "cohort":
                setattr(self, name, "")  # which is not among what is offered next
        self.adjust, self.corners = [], {}

    def offer(self, name: str, objects: Sequence[str], default: str) -> None:
        """Set what can be chosen for `name`; a choice that is not among it falls back to `default`."""
        self.param[name].objects = list(objects)
        if getattr(self, name) not in objects:
            setattr(self, name, default)

    def chosen(self, name: str) -> str | None:
        """Return a choice, None where it is NONE."""
        value = getattr(self, name)
        return None if value == NONE else value
