"""The example bodies of both vendors' documentation."""

from typing import Any

V1_PREDICTION: dict[str, Any] = {
    "prediction_id": "pred_9b6ff057a7f7",
    "global": {"score": 0.975, "confidence": 0.95, "result": "spoofed", "reason": None},
    "segments": [
        {
            "index": 0,
            "start": 0.0,
            "end": 5.0,
            "scores": [0.98],
            "confidence": 0.96,
            "result": "spoofed",
            "reason": None,
        },
        {
            "index": 1,
            "start": 5.0,
            "end": 10.0,
            "scores": [0.97],
            "confidence": 0.94,
            "result": "spoofed",
            "reason": None,
        },
    ],
    "model": "stable-latest",
    "model_version": "model-1",
    "processing_time": 1.23,
    "audio_duration": 10.0,
    "warnings": [],
}
V1_STORED = V1_PREDICTION | {"status": "completed", "progress": 1.0}
AURIGIN_ERROR: dict[str, Any] = {
    "error": "validation_error",
    "message": "Audio file too short: 2.1s (minimum 3.0s required)",
    "correlation_id": "a1b2c3d4-e5f6-7890-abcd-ef1234567890",
    "status": 400,
}
V0_PREDICTION: dict[str, Any] = {
    "predictions": ["fake", "real"],
    "global_probability": [0.9584, 0.9123],
    "error": [None, None],
    "model": "model-1",
    "processing_time": 1.23,
    "audio_duration": 10.0,
}

FAKE = "Suspected AI-Generated (or Suspected AI-Manipulated)"
DETECTION: dict[str, Any] = {
    "audio_analysis": {
        "message": "Analysis completed successfully",
        "prediction": "Real Audio",
        "confidence": 0.9456782341234567,
    }
}
NO_SPEECH: dict[str, Any] = {
    "audio_analysis": {
        "message": "No speech content detected for analysis",
        "prediction": None,
        "confidence": None,
    }
}
TOO_SHORT: dict[str, Any] = {
    "audio_analysis": {
        "message": "Audio duration too short for reliable analysis",
        "prediction": "Insufficient Data",
        "confidence": None,
    }
}


def detection_error(status: str, status_code: int, error_code: str, **more: Any) -> dict[str, Any]:
    """An error of Neural Defend with the keys that belong to its code."""
    error = {"status": status, "status_code": status_code, "error_code": error_code, **more}
    return {"error": error | {"message": "..."}, "detail": "..."}


DETECTION_ERRORS = {
    "missing": detection_error("failed", 400, "MISSING_FILE", filename=None),
    "invalid": detection_error("failed", 400, "INVALID_AUDIO_FORMAT", filename="a.wav"),
    "denied": detection_error("unauthorized", 403, "UNAUTHORIZED_ACCESS"),
    "large": detection_error(
        "failed", 413, "FILE_SIZE_EXCEEDED", filename="a", file_size_mb=2.5, max_allowed_mb=1
    ),
    "unsupported": detection_error(
        "failed", 415, "UNSUPPORTED_FORMAT", filename="a.pdf", supported_formats=["MP3"]
    ),
    "limited": detection_error(
        "rate_limited",
        429,
        "RATE_LIMIT_EXCEEDED",
        retry_after=30,
        current_usage="20/20 per minute",
    ),
}
