"""The search on other processes and in shares: the same result, wherever it runs."""

import joblib
import pytest

from ml.selfcheck import EDGE, stage
from ml.tuning.walkforward import PLANNED, walk_forward
from ml.validation.gate import Asked
from orchestrator.cli.tune import dealt
from orchestrator.domain.base import ModuleName
from orchestrator.domain.errors import ConfigurationError


def walked():
    return walk_forward(stage(1000, edge=EDGE), asked=Asked(1, PLANNED))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_two_workers_of_a_cluster_find_what_one_process_finds():
    distributed = pytest.importorskip("distributed", reason="distributed is not installed: no cluster to ask")
    here = walked()
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
        joblib.parallel_config(backend="dask"),
    ):
        there = walked()
        asked = client.run(lambda dask_worker: len(dask_worker.state.tasks) + dask_worker.state.executed_count)
    assert len(asked) == 2
    assert sum(asked.values()) >= 6
    assert there == here


def test_two_threads_find_what_one_finds():
    here = walked()
    with joblib.parallel_config(backend="threading", n_jobs=2):
        assert walked() == here


@pytest.mark.parametrize("shards", [1, 2, 3, 5])
def test_tasks_share_the_modules_out_each_to_one(shards):
    modules = list(ModuleName)
    shares = [dealt(modules, shard, shards) for shard in range(shards)]
    assert sorted(one for share in shares for one in share) == sorted(modules)


@pytest.mark.parametrize(("shard", "shards"), [(3, 3), (-1, 3), (0, 0)])
def test_a_share_that_is_not_there_is_refused(shard, shards):
    with pytest.raises(ConfigurationError, match="shares are counted from 0"):
        dealt(list(ModuleName), shard, shards)
