"""Trains the speech-activity model: a small convolutional net taught by Silero VAD."""
