"""Train a small neural network on handwritten digits with DeepSpeed on CPU
(gloo, ZeRO stage 0).

Start one process per rank with RANK, LOCAL_RANK, WORLD_SIZE, MASTER_ADDR and
MASTER_PORT set (the `deepspeed` launcher sets the same). The data come with
scikit-learn: 1,797 images of 8 x 8 pixels, nothing is downloaded.
"""

import argparse
import hashlib
import os
import sys

os.environ.setdefault("DS_ACCELERATOR", "cpu")  # read when deepspeed is imported

import deepspeed
import numpy as np
import torch
import torch.distributed as dist
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

# At its first start DeepSpeed would compile its shared-memory all-reduce, which needs a C++
# compiler and a minute. Gloo does the same work here.
deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False


def load_data():
    """Return the same split on every rank: the seed is fixed."""
    images, labels = load_digits(return_X_y=True)
    images = (images / 16.0).astype(np.float32)
    parts = train_test_split(images, labels, test_size=0.2, random_state=0, stratify=labels)
    return [torch.from_numpy(part) for part in parts]


def shard_of(total, rank, world):
    """Return the range from..to of sample numbers of this rank; all shards together are 0..total."""
    return total * rank // world, total * (rank + 1) // world


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=32, help="per rank")
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--min-accuracy", type=float, default=0.95, help="exit with an error below this")
    parser.add_argument("--local_rank", type=int, default=0, help="set by the deepspeed launcher, ignored")
    args = parser.parse_args()

    deepspeed.init_distributed("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    print(f"rank {rank} of {world}, DeepSpeed {deepspeed.__version__}", flush=True)

    torch.manual_seed(args.seed)
    train_x, test_x, train_y, test_y = load_data()
    total = len(train_x)
    first, last = shard_of(total, rank, world)
    # Every rank takes the same number of steps; otherwise the all-reduce would wait for ever.
    steps = -(-total // (world * args.batch_size))

    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10))
    engine, _, _, _ = deepspeed.initialize(
        model=model,
        optimizer=torch.optim.Adam(model.parameters(), lr=args.lr),
        config={
            "train_micro_batch_size_per_gpu": args.batch_size,
            "gradient_accumulation_steps": 1,
            "zero_optimization": {"stage": 0},
            "steps_per_print": 1_000_000_000,
        },
    )
    loss_of = nn.CrossEntropyLoss()
    order = np.random.default_rng(args.seed + 1 + rank)
    seen = set()
    for epoch in range(1, args.epochs + 1):
        losses = []
        for batch in np.array_split(first + order.permutation(last - first), steps):
            loss = loss_of(engine(train_x[batch]), train_y[batch])
            engine.backward(loss)
            engine.step()
            losses.append(loss.item())
            seen.update(batch.tolist())
        print(f"epoch {epoch}/{args.epochs} loss {np.mean(losses):.4f}", flush=True)

    with torch.no_grad():
        accuracy = (engine.module(test_x).argmax(1) == test_y).float().mean().item()
    if rank == 0:
        print(f"test accuracy {accuracy:.4f}", flush=True)
    hashed = hashlib.sha256()
    for _, tensor in sorted(engine.module.state_dict().items()):
        hashed.update(tensor.contiguous().numpy().tobytes())
    digest = hashed.hexdigest()
    print(f"rank {rank} parameters sha256 {digest}", flush=True)
    print(f"rank {rank} saw {len(seen)} samples, numbers {min(seen)}-{max(seen)} of {total}", flush=True)

    digests = [None] * world
    dist.all_gather_object(digests, digest)
    if len(set(digests)) != 1:
        sys.exit("error: the ranks ended with different parameters")
    if accuracy < args.min_accuracy:
        sys.exit(f"error: test accuracy {accuracy:.4f} is below {args.min_accuracy}")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
