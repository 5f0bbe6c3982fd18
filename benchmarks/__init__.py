"""What Veravox costs on this machine: `make bench` prints the tables of docs/performance.md."""
