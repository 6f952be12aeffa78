"""Train a small neural network on handwritten digits with TensorFlow's
MultiWorkerMirroredStrategy.

Start one process per worker with TF_CONFIG set, or one process without it. The
data come with scikit-learn: 1,797 images of 8 x 8 pixels, nothing is downloaded.

The training loop is explicit (variables, gradients, one all-reduce per step)
because keras.Model.fit of Keras 3 does not run under this strategy.
"""

import argparse
import hashlib
import sys

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HIDDEN = 256


def load_data():
    """Return the same split on every worker: the seed is fixed."""
    images, labels = load_digits(return_X_y=True)
    images = (images / 16.0).astype(np.float32)
    return train_test_split(images, labels, test_size=0.2, random_state=0, stratify=labels)


def shard_of(total, rank, world):
    """Return the range from..to of sample numbers of this worker; all shards together are 0..total."""
    return total * rank // world, total * (rank + 1) // world


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=32, help="per worker")
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--min-accuracy", type=float, default=0.95, help="exit with an error below this")
    args = parser.parse_args()

    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    world, rank = strategy.num_replicas_in_sync, strategy.cluster_resolver.task_id or 0
    print(f"rank {rank} of {world}, TensorFlow {tf.__version__}", flush=True)

    train_x, test_x, train_y, test_y = load_data()
    total = len(train_x)
    first, last = shard_of(total, rank, world)
    # Every worker takes the same number of steps; otherwise the all-reduce would wait for ever.
    steps = -(-total // (world * args.batch_size))

    start = np.random.default_rng(args.seed)
    with strategy.scope():
        weights = [
            tf.Variable(start.normal(0.0, (2.0 / 64) ** 0.5, (64, HIDDEN)).astype(np.float32)),
            tf.Variable(tf.zeros(HIDDEN)),
            tf.Variable(start.normal(0.0, (2.0 / HIDDEN) ** 0.5, (HIDDEN, 10)).astype(np.float32)),
            tf.Variable(tf.zeros(10)),
        ]
        speeds = [tf.Variable(tf.zeros_like(weight)) for weight in weights]

    def logits_of(x):
        w1, b1, w2, b2 = weights
        return tf.nn.relu(x @ w1 + b1) @ w2 + b2

    def replica_step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits_of(x)))
        gradients = tape.gradient(loss, weights)
        replica = tf.distribute.get_replica_context()
        # Average the gradients and the loss over all workers.
        *gradients, loss = replica.all_reduce(tf.distribute.ReduceOp.MEAN, [*gradients, loss])
        for weight, speed, gradient in zip(weights, speeds, gradients):
            speed.assign(0.9 * speed - args.lr * gradient)
            weight.assign_add(speed)
        return loss

    any_batch = [tf.TensorSpec([None, 64], tf.float32), tf.TensorSpec([None], tf.int64)]

    @tf.function(input_signature=any_batch)
    def step(x, y):
        return strategy.run(replica_step, args=(x, y))

    @tf.function
    def sum_over_workers(value):
        return strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(lambda: value), axis=None)

    order = np.random.default_rng(args.seed + 1 + rank)
    seen = set()
    for epoch in range(1, args.epochs + 1):
        losses = []
        for batch in np.array_split(first + order.permutation(last - first), steps):
            losses.append(float(step(train_x[batch], train_y[batch])))
            seen.update(batch.tolist())
        print(f"epoch {epoch}/{args.epochs} loss {np.mean(losses):.4f}", flush=True)

    accuracy = float((np.argmax(logits_of(test_x).numpy(), axis=1) == test_y).mean())
    if rank == 0:
        print(f"test accuracy {accuracy:.4f}", flush=True)
    digest = hashlib.sha256(b"".join(weight.numpy().tobytes() for weight in weights)).hexdigest()
    print(f"rank {rank} parameters sha256 {digest}", flush=True)
    print(f"rank {rank} saw {len(seen)} samples, numbers {min(seen)}-{max(seen)} of {total}", flush=True)

    # If the hashes are equal, the sum of each byte over all workers is `world` times this worker's byte.
    own = tf.constant(list(bytes.fromhex(digest)), tf.float32)
    if not np.array_equal(sum_over_workers(own).numpy(), world * own.numpy()):
        sys.exit("error: the workers ended with different parameters")
    if accuracy < args.min_accuracy:
        sys.exit(f"error: test accuracy {accuracy:.4f} is below {args.min_accuracy}")


if __name__ == "__main__":
    main()
