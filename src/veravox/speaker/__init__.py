"""Who speaks: embeddings, their comparison, and the joint decision with the detector."""
