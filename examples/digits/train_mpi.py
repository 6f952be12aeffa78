"""Train a small neural network on handwritten digits with NumPy, data-parallel
over MPI: every rank computes the gradient of its own samples, one all-reduce
adds them up.

Start it with `mpirun -np 2 python train_mpi.py`, or alone. The data come with
scikit-learn: 1,797 images of 8 x 8 pixels, nothing is downloaded.
"""

import argparse
import hashlib
import sys
import traceback

import numpy as np
from mpi4py import MPI
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SHAPES = [(64, 256), (256,), (256, 10), (10,)]  # weights and biases of the two layers


def say(line):
    """Print text and newline in one write, since mpirun merges the output of all ranks and could split a line otherwise."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def load_data():
    """Return the same split on every rank: the seed is fixed."""
    images, labels = load_digits(return_X_y=True)
    return train_test_split(images / 16.0, labels, test_size=0.2, random_state=0, stratify=labels)


def shard_of(total, rank, world):
    """Return the range from..to of sample numbers of this rank; all shards together are 0..total."""
    return total * rank // world, total * (rank + 1) // world


def unpack(flat):
    """Return views into the flat array that holds all parameters, in the order of SHAPES."""
    ends = np.cumsum([np.prod(shape) for shape in SHAPES])
    return [part.reshape(shape) for part, shape in zip(np.split(flat, ends[:-1]), SHAPES)]


def forward(params, x):
    w1, b1, w2, b2 = unpack(params)
    hidden = np.maximum(x @ w1 + b1, 0.0)
    logits = hidden @ w2 + b2
    logits -= logits.max(axis=1, keepdims=True)
    chances = np.exp(logits)
    return hidden, chances / chances.sum(axis=1, keepdims=True)


def loss_and_gradient(params, x, y, out):
    """Return the summed loss of the batch and write the summed gradient into `out`."""
    hidden, chances = forward(params, x)
    rows = np.arange(len(y))
    loss = -np.log(chances[rows, y] + 1e-12).sum()
    chances[rows, y] -= 1.0
    g_w1, g_b1, g_w2, g_b2 = unpack(out)
    g_w2[:] = hidden.T @ chances
    g_b2[:] = chances.sum(axis=0)
    back = (chances @ unpack(params)[2].T) * (hidden > 0)
    g_w1[:] = x.T @ back
    g_b1[:] = back.sum(axis=0)
    return loss


def train(args, comm):
    rank, world = comm.rank, comm.size
    train_x, test_x, train_y, test_y = load_data()
    total = len(train_x)
    first, last = shard_of(total, rank, world)
    # Every rank takes the same number of steps; otherwise the all-reduce would wait for ever.
    steps = -(-total // (world * args.batch_size))

    params = np.empty(sum(int(np.prod(shape)) for shape in SHAPES))
    if rank == 0:
        start = np.random.default_rng(args.seed)
        for part in unpack(params):
            part[:] = start.normal(0.0, (2.0 / part.shape[0]) ** 0.5, part.shape) if part.ndim == 2 else 0.0
    comm.Bcast(params, root=0)

    velocity = np.zeros_like(params)
    # The gradient, then the summed loss, then the number of samples, so that one all-reduce adds up all three.
    local = np.empty(params.size + 2)
    added = np.empty_like(local)
    order = np.random.default_rng(args.seed + 1 + rank)
    seen = set()

    for epoch in range(1, args.epochs + 1):
        losses = samples = 0.0
        for batch in np.array_split(first + order.permutation(last - first), steps):
            local[-2] = loss_and_gradient(params, train_x[batch], train_y[batch], local[:-2])
            local[-1] = len(batch)
            comm.Allreduce(local, added, op=MPI.SUM)
            velocity *= 0.9
            velocity -= args.lr * added[:-2] / added[-1]
            params += velocity
            losses += added[-2]
            samples += added[-1]
            seen.update(batch.tolist())
        if rank == 0:
            say(f"epoch {epoch}/{args.epochs} loss {losses / samples:.4f}")

    accuracy = float((forward(params, test_x)[1].argmax(axis=1) == test_y).mean())
    if rank == 0:
        say(f"test accuracy {accuracy:.4f}")
    digest = hashlib.sha256(params.tobytes()).hexdigest()
    say(f"rank {rank} parameters sha256 {digest}")
    say(f"rank {rank} saw {len(seen)} samples, numbers {min(seen)}-{max(seen)} of {total}")

    if len(set(comm.allgather(digest))) != 1:
        sys.exit("error: the ranks ended with different parameters")
    if accuracy < args.min_accuracy:
        sys.exit(f"error: test accuracy {accuracy:.4f} is below {args.min_accuracy}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=16, help="per rank")
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--min-accuracy", type=float, default=0.95, help="exit with an error below this")
    args = parser.parse_args()

    comm = MPI.COMM_WORLD
    say(f"rank {comm.rank} of {comm.size}, {MPI.Get_library_version().split(',')[0]}")
    try:
        train(args, comm)
    except Exception:
        # If this rank just exited with its exception, the others would wait in a collective call.
        traceback.print_exc()
        sys.stderr.flush()
        comm.Abort(1)


if __name__ == "__main__":
    main()
