"""What is done with a result after the network: lesions reviewed, changed, accepted and rejected."""
