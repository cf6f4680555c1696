"""`echomort erase`: removes a patient from a project, proves it by a search of every byte, and writes a certificate.

:mod:`assets.erasure.subject` says by what the project knows the patient, :mod:`assets.erasure.search` finds it in the
home, :mod:`assets.erasure.removal` removes it, and :mod:`assets.erasure.certificate` says what was done.
"""

from assets.erasure.certificate import certificate_digest
from assets.erasure.removal import Plan, erase, plan_erasure

__all__ = ["Plan", "certificate_digest", "erase", "plan_erasure"]
