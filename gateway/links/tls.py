"""The TLS of a listener: versions, ciphers, and its certificates as they are on disk (MB-TCP-Security v36).

TLS 1.2 and 1.3; masters always show a certificate (R-02, R-06 to R-08); no compression, no renegotiation; nothing that
is only signed, and no MD5, SHA-1 or CBC (R-37, R-50 to R-55, R-59).
"""

import ssl
from pathlib import Path

from gateway.errors import LinkError, MappingError, Problem
from gateway.mapping.certificates import Named, Tls, outdated, terms, wrong_with

CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-CCM8",  # SunSpec; an OpenSSL that does not have it leaves it out
)
"Of TLS 1.2, the best first; those of TLS 1.3 are OpenSSL's own."
_OPTIONS = ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION


def renewed(tls: Tls, now: float) -> ssl.SSLContext:
    """The context with files as they are now; MappingError if one is wrong or, at that time, not valid."""
    problems = wrong_with(tls) or outdated(terms(tls), now)
    if problems:
        raise MappingError(problems)
    return context_of(tls)


def context_of(tls: Tls) -> ssl.SSLContext:
    """The context with files as they are now; MappingError with what OpenSSL does not take."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.options |= _OPTIONS
    context.set_ciphers(":".join(CIPHERS))
    try:
        context.load_cert_chain(tls.certificate.path, tls.key.path, password="")
    except OSError as error:
        raise MappingError([_refused(tls.certificate, error)]) from None
    for root in tls.clients:
        try:
            context.load_verify_locations(root.path)
        except OSError as error:
            raise MappingError([_refused(root, error)]) from None
    return context


def context_as(certificate: Path) -> ssl.SSLContext:
    """What a master shows and trusts: a certificate, its key beside it, and `root.pem` there; LinkError if one is no good."""
    key, root = certificate.with_suffix(".key"), certificate.with_name("root.pem")
    for file in (certificate, key, root):
        if not file.is_file():
            remedy = "a certificate NAME.pem needs NAME.key and root.pem beside it"
            raise LinkError(f"{file} is not there; {remedy}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password="")
        context.load_verify_locations(root)
    except OSError as error:
        raise LinkError(f"{certificate}, {key} or {root}: {readable(error)}") from None
    return context


def _refused(named: Named, error: OSError) -> Problem:
    return named.problem(
        f"is not taken by OpenSSL: {readable(error)}", "`openssl x509 -text` shows it"
    )


_WORDS = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it shows no certificate",
    "UNSUPPORTED_PROTOCOL": "it speaks no TLS above 1.1",
    "NO_SHARED_CIPHER": "it knows none of the ciphers",
    "NO_SUITABLE_SIGNATURE_ALGORITHM": "it knows no signature of our certificate's key",
    "WRONG_VERSION_NUMBER": "it does not speak TLS",
    "HTTP_REQUEST": "it speaks HTTP",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not trust our certificate: unknown authority",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it does not trust our certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it says that our certificate has expired",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it does not trust our certificate",
}
"Reasons of OpenSSL that users meet; others are told as they are."


def readable(error: OSError) -> str:
    """Why TLS did not come about, in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {error.verify_message}"
    if not isinstance(error, ssl.SSLError):
        return error.strerror or str(error)
    reason = error.reason or "unknown"
    return _WORDS.get(reason, reason.lower().replace("_", " "))
