"""Polite settings: one request at a time and host, robots that fail closed, certificates checked, no disguise."""

BOT_NAME = "cafecrawl"
SPIDER_MODULES = ["cafecrawl.spiders"]
NEWSPIDER_MODULE = "cafecrawl.spiders"
COMMANDS_MODULE = "cafecrawl.commands"
ADDONS: dict[object, int] = {}

# Politeness
ROBOTSTXT_OBEY = True  # by FailClosedRobotsMiddleware below
ROBOTS_TIMEOUT = 15
ROBOTS_MAX_DELAY = 60.0  # seconds of a Crawl-delay that are kept
CONCURRENT_REQUESTS_PER_DOMAIN = 1
DOWNLOAD_DELAY = 1.0
DOWNLOAD_SLOTS = {
    "api.openverse.org": {"concurrency": 1, "delay": 3.2},  # 20 requests a minute without a token
    "commons.wikimedia.org": {"concurrency": 1, "delay": 1.0},
    "upload.wikimedia.org": {"concurrency": 2, "delay": 0.5},  # at most 2 at once
    "overpass-api.de": {"concurrency": 1, "delay": 10.0},
}
AUTOTHROTTLE_ENABLED = True
AUTOTHROTTLE_START_DELAY = 1.0
PATIENCE_RETRIES = 2  # further attempts in one crawl
PATIENCE_BACKOFF = 2.0  # seconds, doubled at each failure
PATIENCE_PAUSE = 60.0  # after a 429 that does not say how long
PATIENCE_MAX_WAIT = 600.0  # a longer Retry-After ends the crawl and says when to come back
PHOTO_MAX_CRAWLS = 3  # crawls in which a photo may fail before it is given up
API_ENDPOINTS = {  # published for programs: their own terms hold (agent, rate, quota, maxlag), robots.txt is for pages
    "https://api.openverse.org/v1/": "Openverse API terms of service",
    "https://commons.wikimedia.org/w/api.php": "Wikimedia API etiquette",
    "https://overpass-api.de/api/interpreter": "Overpass usage policy",
}
COOKIES_ENABLED = False
HTTPPROXY_ENABLED = False

# Safety
DOWNLOAD_TIMEOUT = 60
DOWNLOAD_MAXSIZE = 25 * 1024 * 1024
DOWNLOAD_WARNSIZE = 0
DOWNLOAD_VERIFY_CERTIFICATES = True
REDIRECT_MAX_TIMES = 5
TELNETCONSOLE_ENABLED = False
DOWNLOADER_MIDDLEWARES = {
    "cafecrawl.middlewares.targets.TargetsMiddleware": 20,
    "cafecrawl.middlewares.host_hold.HostHoldMiddleware": 30,
    "cafecrawl.middlewares.robots.FailClosedRobotsMiddleware": 100,
    "cafecrawl.middlewares.host_slot.HostSlotMiddleware": 105,
    "cafecrawl.middlewares.daily_quota.DailyQuotaMiddleware": 110,
    "cafecrawl.middlewares.captcha_stop.CaptchaStopMiddleware": 580,
    "cafecrawl.middlewares.no_ai.NoAiMiddleware": 581,
    "cafecrawl.middlewares.targets.RedirectsMiddleware": 610,
    "cafecrawl.middlewares.retry_after.RetryAfterMiddleware": 990,
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "scrapy.downloadermiddlewares.retry.RetryMiddleware": None,
    "scrapy.downloadermiddlewares.redirect.MetaRefreshMiddleware": None,
    "scrapy.downloadermiddlewares.useragent.UserAgentMiddleware": None,
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
}
ITEM_PIPELINES = {
    "cafecrawl.pipelines.LicenceAllowList": 100,
    "cafecrawl.pipelines.CheckAndCommit": 200,
}

# What is in memory, and what is said
PHOTO_WINDOW = 32  # photos asked for at a time; the rest waits in the ledger
EXTENSIONS = {
    "cafecrawl.progress.Progress": 0,
    "scrapy.extensions.logstats.LogStats": None,
    "scrapy.extensions.memusage.MemoryUsage": None,
    "scrapy.extensions.remote_control.RemoteControl": None,  # no port is opened
}
LOG_LEVEL = "WARNING"
DEFAULT_DROPITEM_LOG_LEVEL = "INFO"
FEED_EXPORT_ENCODING = "utf-8"
