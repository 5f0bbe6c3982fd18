"""Recordings of any size: uploaded to the storage, analysed by jobs, deleted in time."""

from veravox.files.file import CreatedFile, FileRequest, ListedFile, UploadPart
from veravox.files.housekeeping import Housekeeping
from veravox.files.repository import FileRepository
from veravox.files.runner import AnalysisRunner, RunnerTerms
from veravox.files.service import FileService, FileTerms

__all__ = [
    "AnalysisRunner",
    "CreatedFile",
    "FileRepository",
    "FileRequest",
    "FileService",
    "FileTerms",
    "Housekeeping",
    "ListedFile",
    "RunnerTerms",
    "UploadPart",
]
