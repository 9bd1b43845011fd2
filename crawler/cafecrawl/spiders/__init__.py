"""The spiders, one module a source; Scrapy finds them here, and each says what it costs."""
