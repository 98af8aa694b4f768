"""Paint a person with exported networks: no dancedouble, no PyTorch, just a runtime.

dancedouble export me.safetensors --format onnx -o me.onnx-networks
python examples/run_exported.py me.onnx-networks me.png
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

folder, picture = Path(sys.argv[1]), sys.argv[2]
example = dict(np.load(folder / "example.npz"))
inputs = {name: example[name] for name in ("label", "references", "previous") if name in example}
if (folder / "painter.onnx").exists():
    import onnxruntime

    network = onnxruntime.InferenceSession(folder / "painter.onnx")
    painted = dict(zip([port.name for port in network.get_outputs()], network.run(None, inputs), strict=True))
else:
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # keeps OpenVINO from calling home
    import openvino

    network = openvino.compile_model(folder / "painter.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    painted = {name: array for port, array in network(inputs).items() for name in port.names}

alpha = painted.get("alpha", np.float32(1))
plate = (example["plate"] + 1) * painted.get("shade", np.float32(1)) - 1
frame = alpha * painted["rgb"] + (1 - alpha) * plate
Image.fromarray(np.uint8(np.clip(frame[0].transpose(1, 2, 0) * 127.5 + 127.5, 0, 255))).save(picture)
print(f"{picture}; at most {np.abs(painted['rgb'] - example['torch_rgb']).max():.1e} from what PyTorch paints")
