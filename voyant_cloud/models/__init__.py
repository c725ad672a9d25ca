"""The types of the contract, generated from ``openapi/voyant-cloud.yaml``."""

# A star, so that a type which a newer contract adds is public without an edit here.
from voyant_cloud.models._generated import *  # noqa: F403
from voyant_cloud.models._generated import __all__ as __all__
