"""The generator of ``voyant_cloud/models/_generated.py``; run ``python codegen/generate.py``."""
