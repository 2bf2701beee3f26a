"""What is learnt about the model beside the chain."""
