"""Reading a signed PDF report back."""

import io
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509 import load_der_x509_certificate

from veravox.errors import InvalidRequest

ATTACHMENT = "report.json"


@dataclass(frozen=True, slots=True)
class PdfContents:
    """The attached report, whether every byte is as it was signed, and the signer's raw key."""

    attachment: bytes
    intact: bool
    signer: bytes


def read_pdf(content: bytes) -> PdfContents:
    """What a PDF report holds. Raises InvalidRequest for any other PDF.

    Needs the extra `pdf`; without it InvalidRequest says so.
    """
    try:
        from pyhanko.pdf_utils.reader import PdfFileReader
    except ImportError:
        raise InvalidRequest("Checking PDFs needs the extra 'pdf' of Veravox") from None
    try:
        reader = PdfFileReader(io.BytesIO(content))
        (signature,) = reader.embedded_signatures
        return PdfContents(_attached(reader), _is_intact(signature), _signer(signature))
    except Exception as error:  # what a damaged file makes the parsers raise has no common base
        raise InvalidRequest("This PDF is damaged or no report of Veravox") from error


def _signer(signature: Any) -> bytes:
    certificate = load_der_x509_certificate(signature.signer_cert.dump())
    key = certificate.public_key()
    return key.public_bytes_raw() if isinstance(key, Ed25519PublicKey) else b""


def _attached(reader: Any) -> bytes:
    names = reader.root["/Names"]["/EmbeddedFiles"]["/Names"]
    files = {names[i]: names[i + 1] for i in range(0, len(names), 2)}
    return files[ATTACHMENT]["/EF"]["/F"].data


def _is_intact(signature: Any) -> bool:
    """Whether the signature holds and covers the whole file; its certificate vouches for itself."""
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko.sign.validation.status import SignatureCoverageLevel
    from pyhanko_certvalidator import ValidationContext

    context = ValidationContext(trust_roots=[signature.signer_cert], allow_fetching=False)
    status = validate_pdf_signature(signature, context)
    return status.bottom_line and status.coverage is SignatureCoverageLevel.ENTIRE_FILE
