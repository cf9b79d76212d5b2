"""onnxruntime, kept from reporting: its official builds send events of their use to Microsoft, unless told not to."""

import os

# Before it is imported: it makes an identity of the machine at once.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

__all__ = ["onnxruntime"]
