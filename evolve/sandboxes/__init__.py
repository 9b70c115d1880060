"""Where untrusted code runs: docker, bubblewrap, process, and the choice between them."""
