"""The Scrapy project that fills the photo folder; it needs of cafemood at most `photos` and `errors`."""
