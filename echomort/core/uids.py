"""UIDs that are derived from what they stand for, so that the same object has the same UID in every run."""

import uuid


def derived_uid(*parts: str) -> str:
    """Return a UID below 2.25, of a UUID made from ``parts`` (PS3.5 B.2; RFC 9562 5.5).

    >>> derived_uid("study", "1024")
    '2.25.296396398064187175000969192157878958351'
    """
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, ' '.join(('echomort', *parts))).int}"
