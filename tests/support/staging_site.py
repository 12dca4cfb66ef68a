"""The name of a staging site, and the question for its certificate."""

from remediate.core.vantage import Vantage
from remediate.probes.certificate import ServedCertificate

NAME = "staging.example.com"
SERVED = ServedCertificate(domain=NAME, asked_from=Vantage.HOST)
