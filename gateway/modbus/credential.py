"""What a certificate says of who shows it: role and common name (MB-TCP-Security v36, R-21 to R-23, R-65).

one extension 1.3.6.1.4.1.50316.802.1 with a UTF8String    that is the role, as a whole
none, several, another type, or not well formed            no role: may not even read
"""

from gateway.mapping.masters import Credential

ROLE = "1.3.6.1.4.1.50316.802.1"
UTF8_STRING = 0x0C
"Tag of ASN.1 (ITU-T X.690 clause 8.23)."
_LONG = 0x80
"From this on, the first byte of a length says how many follow (clause 8.1.3)."


def credential_of(certificate: bytes) -> Credential:
    """Role and common name in a certificate, given as DER."""
    from cryptography import x509  # noqa: PLC0415 - an extra
    from cryptography.x509.oid import NameOID  # noqa: PLC0415 - an extra

    unreadable = (ValueError, x509.InvalidVersion, x509.UnsupportedGeneralNameType)
    try:
        known = x509.load_der_x509_certificate(certificate)
        names = known.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        name = str(names[0].value) if len(names) == 1 else ""
    except unreadable:
        return Credential()
    try:
        found = known.extensions.get_extension_for_oid(x509.ObjectIdentifier(ROLE)).value
    except (*unreadable, x509.ExtensionNotFound, x509.DuplicateExtension):
        return Credential(name=name)
    role = utf8_string(found.value) if isinstance(found, x509.UnrecognizedExtension) else ""
    return Credential(role, name)


def utf8_string(der: bytes) -> str:
    """The text of a UTF8String in DER, to the last byte; '' if it is anything else."""
    if len(der) < 2 or der[0] != UTF8_STRING:  # noqa: PLR2004 - tag and length
        return ""
    size, begin = der[1], 2
    if size >= _LONG:
        begin += size - _LONG
        size = int.from_bytes(der[2:begin], "big")
    if der[:begin] != bytes((UTF8_STRING, *length_of(size))) or len(der) != begin + size:
        return ""
    try:
        return der[begin:].decode("utf-8")
    except UnicodeDecodeError:
        return ""


def length_of(size: int) -> bytes:
    """A length in DER, which has one form for each (ITU-T X.690 clause 10.1)."""
    if size < _LONG:
        return bytes((size,))
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((_LONG + len(digits), *digits))
