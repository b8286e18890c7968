"""The transport room: exact couplings, references, embeddings, registration and synthetic samples."""

from lotviz.transport.archive import EmbeddingFileError
from lotviz.transport.barycenter import Barycenter
from lotviz.transport.barycenter_certificate import BarycenterCertificate, certified_barycenter
from lotviz.transport.batch import EmbedRequest, embed
from lotviz.transport.coupling import ConvergenceError, Coupling, solve
from lotviz.transport.direct import DirectTransport, direct_transport
from lotviz.transport.doors import TransportMemoryError
from lotviz.transport.embedding import LOTEmbedding, Split
from lotviz.transport.pairing import paired_cells
from lotviz.transport.pooling import mix_groups
from lotviz.transport.progress import Cancelled
from lotviz.transport.reference import (
    Reference,
    cells_reference,
    gaussian_reference,
    kmeans_reference,
    sample_reference,
)
from lotviz.transport.reference_barycenter import barycenter_reference
from lotviz.transport.reference_choice import ReferenceChoice, ReferenceKind, check_sizes
from lotviz.transport.registration import GluedPairs, Registration
from lotviz.transport.sizes import embed_sizes
from lotviz.transport.store import StoreError, TransportStore
from lotviz.transport.synthetic import SyntheticSample
from lotviz.transport.trajectory import group_weights
from lotviz.transport.validity import Validity

__all__ = [
    "Barycenter",
    "BarycenterCertificate",
    "Cancelled",
    "ConvergenceError",
    "Coupling",
    "DirectTransport",
    "EmbedRequest",
    "EmbeddingFileError",
    "GluedPairs",
    "LOTEmbedding",
    "Reference",
    "ReferenceChoice",
    "ReferenceKind",
    "Registration",
    "Split",
    "StoreError",
    "SyntheticSample",
    "TransportMemoryError",
    "TransportStore",
    "Validity",
    "barycenter_reference",
    "cells_reference",
    "certified_barycenter",
    "check_sizes",
    "direct_transport",
    "embed",
    "embed_sizes",
    "gaussian_reference",
    "group_weights",
    "kmeans_reference",
    "mix_groups",
    "paired_cells",
    "sample_reference",
    "solve",
]
