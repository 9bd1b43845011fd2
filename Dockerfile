# cafemood on the processor: docker build --tag cafemood .
# The demo:     docker run --rm --volume "$PWD/outputs:/cafemood/outputs" cafemood
# The tests:    docker run --rm cafemood make test
# Your photos:  docker run --rm --volume "$PWD/outputs:/cafemood/outputs" --volume "$HOME/photos:/photos:ro" cafemood \
#                 .venv/bin/python train.py experiment=few_photos data=folder data.root=/photos
FROM python:3.13-slim

# git: tests ask which files are tracked
RUN apt-get update && apt-get install --yes --no-install-recommends git make && rm -rf /var/lib/apt/lists/*

WORKDIR /cafemood
COPY . .
RUN make setup

CMD ["make", "demo"]
