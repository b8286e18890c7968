"""The transport room: exact couplings, references, embeddings, registration and synthetic samples."""

from lotviz.transport.archive import EmbeddingFileError
from lotviz.transport.batch import EmbedRequest, embed
from lotviz.transport.coupling import ConvergenceError, Coupling, solve
from lotviz.transport.doors import TransportMemoryError
from lotviz.transport.embedding import LOTEmbedding, Split
from lotviz.transport.interpolation import Barycenter
from lotviz.transport.progress import Cancelled
from lotviz.transport.reference import Reference, cells_reference, kmeans_reference
from lotviz.transport.registration import GluedPairs, Registration
from lotviz.transport.synthetic import SyntheticSample

__all__ = [
    "Barycenter",
    "Cancelled",
    "ConvergenceError",
    "Coupling",
    "EmbedRequest",
    "EmbeddingFileError",
    "GluedPairs",
    "LOTEmbedding",
    "Reference",
    "Registration",
    "Split",
    "SyntheticSample",
    "TransportMemoryError",
    "cells_reference",
    "embed",
    "kmeans_reference",
    "solve",
]
