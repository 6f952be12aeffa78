"""Train a small convolutional network on handwritten digits with PyTorch
DistributedDataParallel over gloo (CPU).

Start one process per rank with RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT
set, or use torchrun, or start one process without these variables. The data come with
scikit-learn: 1,797 images of 8 x 8 pixels, nothing is downloaded.
"""

import argparse
import hashlib
import os
import sys

import numpy as np
import torch
import torch.distributed as dist
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn.parallel import DistributedDataParallel


def load_data():
    """Return the same split on every rank: the seed is fixed."""
    images, labels = load_digits(return_X_y=True)
    images = (images / 16.0).astype(np.float32).reshape(-1, 1, 8, 8)
    parts = train_test_split(images, labels, test_size=0.2, random_state=0, stratify=labels)
    return [torch.from_numpy(part) for part in parts]


def shard_of(total, rank, world):
    """Return the range from..to of sample numbers of this rank; all shards together are 0..total."""
    return total * rank // world, total * (rank + 1) // world


def parameter_hash(model):
    digest = hashlib.sha256()
    for _, tensor in sorted(model.state_dict().items()):
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def make_model():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(32 * 4 * 4, 64), nn.ReLU(),
        nn.Linear(64, 10),
    )  # fmt: skip


def train(args, rank, world):
    torch.manual_seed(args.seed)
    train_x, test_x, train_y, test_y = load_data()
    total = len(train_x)
    first, last = shard_of(total, rank, world)
    # Every rank takes the same number of steps; otherwise the all-reduce would wait for ever.
    # The shards differ by at most one sample, so each is cut into the same number of batches.
    steps = -(-total // (world * args.batch_size))

    model = DistributedDataParallel(make_model()) if world > 1 else make_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    loss_of = nn.CrossEntropyLoss()
    order = np.random.default_rng(args.seed + rank)
    seen = set()

    for epoch in range(1, args.epochs + 1):
        model.train()
        losses = []
        for batch in np.array_split(first + order.permutation(last - first), steps):
            optimizer.zero_grad()
            loss = loss_of(model(train_x[batch]), train_y[batch])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            seen.update(batch.tolist())
        print(f"epoch {epoch}/{args.epochs} loss {np.mean(losses):.4f}", flush=True)

    model.eval()
    with torch.no_grad():
        accuracy = (model(test_x).argmax(1) == test_y).float().mean().item()
    if rank == 0:
        print(f"test accuracy {accuracy:.4f}", flush=True)
    digest = parameter_hash(model.module if world > 1 else model)
    print(f"rank {rank} parameters sha256 {digest}", flush=True)
    print(f"rank {rank} saw {len(seen)} samples, numbers {min(seen)}-{max(seen)} of {total}", flush=True)

    digests = [digest]
    if world > 1:
        digests = [None] * world
        dist.all_gather_object(digests, digest)
    if len(set(digests)) != 1:
        sys.exit("error: the ranks ended with different parameters")
    if accuracy < args.min_accuracy:
        sys.exit(f"error: test accuracy {accuracy:.4f} is below {args.min_accuracy}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=32, help="per rank")
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--min-accuracy", type=float, default=0.95, help="exit with an error below this")
    args = parser.parse_args()

    world = int(os.environ.get("WORLD_SIZE", "1"))
    rank = int(os.environ.get("RANK", "0"))
    if world > 1:
        dist.init_process_group("gloo")
    print(f"rank {rank} of {world}, PyTorch {torch.__version__}", flush=True)
    train(args, rank, world)
    if world > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
