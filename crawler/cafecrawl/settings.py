"""Polite settings: one request at a time and host, robots obeyed, nothing cached that is not asked for."""

BOT_NAME = "cafecrawl"
SPIDER_MODULES = ["cafecrawl.spiders"]
NEWSPIDER_MODULE = "cafecrawl.spiders"
ADDONS: dict[object, int] = {}

ROBOTSTXT_OBEY = True
CONCURRENT_REQUESTS_PER_DOMAIN = 1
DOWNLOAD_DELAY = 1.0
DOWNLOAD_TIMEOUT = 60
DOWNLOAD_MAXSIZE = 25 * 1024 * 1024
AUTOTHROTTLE_ENABLED = True
COOKIES_ENABLED = False
TELNETCONSOLE_ENABLED = False
FEED_EXPORT_ENCODING = "utf-8"
