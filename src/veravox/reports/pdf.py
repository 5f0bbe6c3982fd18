"""A report as a PDF: accessible, for the archive, with the JSON inside, and signed.

Typst sets it (PDF/A-3a and PDF/UA-1, fonts embedded, no system libraries; data cannot become
markup). pyHanko signs it as PAdES does (ETSI EN 319 142-1) with Ed25519 (ISO/TS 32002): the
signature covers every byte and certifies that no change is allowed. The certificate is the
installation's own, so a reader calls the signer unknown until its key was compared.
"""

import io
import json
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from veravox.errors import Unavailable
from veravox.reports.envelope import SignedReport, to_json
from veravox.reports.page import page
from veravox.security import SigningKey

if TYPE_CHECKING:
    from typst import PDFStandard

STANDARDS: "list[PDFStandard]" = ["a-3a", "ua-1"]
FIELD = "Veravox"
VALID_FROM = datetime(2026, 1, 1, tzinfo=UTC)
VALID_TO = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""No end (RFC 5280, section 4.1.2.5)."""
RETRY_SECONDS = 3600


def signed_pdf(report: SignedReport, key: SigningKey) -> bytes:
    """The report as a PDF under the same key as its JSON.

    Its pages depend on the report only; the signature says when it was made. Raises Unavailable
    without the extra `pdf`.
    """
    try:
        import typst
        from asn1crypto import keys
        from asn1crypto import x509 as asn1_x509
        from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
        from pyhanko.sign import fields, signers
        from pyhanko_certvalidator.registry import SimpleCertificateStore
    except ImportError:
        raise Unavailable(
            "PDFs need the extra 'pdf' of Veravox; the report is there as JSON", RETRY_SECONDS
        ) from None
    inputs = {"view": json.dumps(page(report)), "attachment": to_json(report).decode()}
    pages = typst.compile(
        files("veravox.reports").joinpath("template.typ").read_bytes(),
        sys_inputs=inputs,
        pdf_standards=STANDARDS,
        ignore_system_fonts=True,
    )
    signer = signers.SimpleSigner(
        signing_cert=asn1_x509.Certificate.load(certificate(key).public_bytes(Encoding.DER)),
        signing_key=keys.PrivateKeyInfo.load(
            key.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        ),
        cert_registry=SimpleCertificateStore(),
    )
    about = signers.PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm="sha512",
        subfilter=fields.SigSeedSubFilter.PADES,
        reason="Report as composed by Veravox",
        certify=True,
        docmdp_permissions=fields.MDPPerm.NO_CHANGES,
    )
    output = io.BytesIO()
    unsigned = IncrementalPdfFileWriter(io.BytesIO(pages))
    signers.PdfSigner(about, signer).sign_pdf(  # pyright: ignore[reportUnknownMemberType]
        unsigned, output=output
    )
    return output.getvalue()


def certificate(key: SigningKey) -> x509.Certificate:
    """The key's certificate, issued by itself; the same each time."""
    common_name = f"Veravox report key {key.public.id}"
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.private.public_key())
        .serial_number(int.from_bytes(key.public.raw[:8], "big") | 1)
        .not_valid_before(VALID_FROM)
        .not_valid_after(VALID_TO)
        .add_extension(usage, critical=True)
    )
    return builder.sign(key.private, None)
