"""One module a source: openverse, commons, osm, naver, urllist."""
