"""Load generators and peers: C programs that `bench.run` compiles, and a correctness probe."""
