# docker build -t greendapt . && docker run --rm -v "$PWD:/work" greendapt bench --suite chestxray
# With a GPU: docker run --gpus all. Without one, --build-arg TORCH_INDEX=URL (PyTorch's page of
# installs names the index of CPU builds) makes the image smaller.
FROM python:3.12-slim
ARG TORCH_INDEX=
RUN pip install --no-cache-dir ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch torchvision
COPY . /src
RUN pip install --no-cache-dir "/src[pytest]" && rm -r /src \
    && useradd --create-home --uid 1000 greendapt
USER 1000
WORKDIR /work
ENTRYPOINT ["greendapt"]
CMD ["--help"]
