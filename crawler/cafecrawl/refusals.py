"""Why a request was not sent or its answer not used, for middlewares to raise and spiders to write down."""

from scrapy.exceptions import IgnoreRequest


class RobotsForbid(IgnoreRequest):
    """robots.txt forbids this address: for good."""


class RobotsUnknown(IgnoreRequest):
    """robots.txt could not be had, so nothing is asked of this host: for now."""


class HostClosed(IgnoreRequest):
    """The host, or the whole crawl, was given up in this run: for now."""


class WallMet(HostClosed):
    """This request was answered by a wall: the host is given up in this run, and the request has had a try."""


class NoAi(IgnoreRequest):
    """X-Robots-Tag says that the photo is not for machine learning: for good."""


class BadAddress(IgnoreRequest):
    """The address, or where it redirects to, can never work: for good."""


class PrivateTarget(IgnoreRequest):
    """It leads to a private address that the list does not name: for good."""
