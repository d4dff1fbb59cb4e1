"""Streams of a run: the numbers that stored stages rest on, and who shares them."""

from greendapt.core.keys import seed_of
from greendapt.run import seeds


def test_streams_are_those_that_keys_stand_for():
    assert seeds.of_downstream(0) == seed_of("head 0") == 107822120
    assert seeds.of_phase(1, 2) == seed_of("adapt 1 2")
    assert seeds.of_pool_head(3) == seed_of("3")
    assert seeds.of_looks(4) == seed_of("look 4")
    assert seeds.of_pretraining(5) == seed_of("pretrain 5")
    assert seeds.of_stage("a key") == seed_of("a key")
    assert (seeds.of_shots(6), seeds.of_weights(7), seeds.of_weights(None)) == (6, 7, 0)


def test_one_seed_gives_each_stream_another_number():
    streams = [seeds.of_pool_head, seeds.of_looks, seeds.of_downstream, seeds.of_pretraining]
    numbers = [stream(0) for stream in streams]
    numbers += [seeds.of_phase(position, 0) for position in range(3)]
    assert len(set(numbers)) == len(numbers)
