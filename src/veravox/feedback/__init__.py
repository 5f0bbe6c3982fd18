"""What people know about recordings that were judged, kept to calibrate with."""

from veravox.feedback.service import Feedback, FeedbackService, Truth

__all__ = ["Feedback", "FeedbackService", "Truth"]
