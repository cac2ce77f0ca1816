"""Desks with keys of their own, at an office or a hub: bundles, devices, journals, and who decides."""
