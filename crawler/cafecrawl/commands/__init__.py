"""What `scrapy` can do in this project beside its own commands; `crawl` takes the place of Scrapy's."""
