"""Bilevel learners: outer loop, inner loop, marginal likelihood and posterior against direct computations."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from nasmeta.errors import SettingError
from nasmeta.spaces import get_space
from nasmeta.tasks import Episode, SourceTask
from nasmeta.threads import one_thread

torch = pytest.importorskip("torch")
from nasmeta.meta import META_PREDICTORS, SavedMetaModel  # noqa: E402
from nasmeta.meta._outer_loop import MetaTrainer, TrainingPlan  # noqa: E402
from nasmeta.meta.bilevel._deep_kernel import DeepKernel, DeepKernelGP, log_marginal_likelihood, posterior  # noqa: E402
from nasmeta.meta.bilevel._maml import AdaptedNetwork, Batch, loss_of  # noqa: E402

SPACE = get_space("tnb101")
FEW = np.arange(3, dtype=np.int32)
CELLS = np.arange(SPACE.n_architectures, dtype=np.int32)


# -- outer loop -----------------------------------------------------------------------------------------------------
def sample(rng: np.random.Generator) -> Episode:
    labels = rng.normal(2.0, 0.3, 3)
    return Episode(SPACE, FEW, labels, FEW, labels, ("made up",))


def loss(module: torch.nn.Module, episode: Episode) -> torch.Tensor:
    predicted = module(torch.ones(3, 1))[:, 0]
    return (predicted - torch.as_tensor(episode.query_labels).float()).square().mean()


def linear() -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.nn.Linear(1, 1)


def trained(**more: object) -> torch.nn.Module:
    module, plan = linear(), TrainingPlan(steps=60, batch=2, learning_rate=0.05, validate_every=5)
    MetaTrainer(module, loss, sample, plan, **more).run()  # type: ignore[arg-type]
    return module


def test_a_training_learns_and_reports_its_progress() -> None:
    reports: list[tuple[int, int, float]] = []
    module = trained(progress=lambda *report: reports.append(report))
    assert module(torch.ones(1, 1)).item() == pytest.approx(2.0, abs=0.3)
    assert [done for done, steps, _ in reports] == list(range(1, 61))
    assert reports[-1][2] < reports[0][2]


def test_validation_restores_the_best_parameters() -> None:
    """On a validation target far from the training target, later steps are worse."""
    far = Episode(SPACE, FEW, np.full(3, 0.5), FEW, np.full(3, 0.5), ("made up",))
    assert loss(trained(validation=[far]), far) < loss(trained(), far) / 10


def test_a_training_that_diverges_is_an_error() -> None:
    def broken(module: torch.nn.Module, episode: Episode) -> torch.Tensor:
        return loss(module, episode) * float("nan")

    with pytest.raises(SettingError) as error:
        MetaTrainer(linear(), broken, sample, TrainingPlan(steps=3)).run()
    assert error.value.what == "loss of step 0"


# -- MAML -----------------------------------------------------------------------------------------------------------
def task() -> tuple[AdaptedNetwork, list[torch.Tensor]]:
    """Return a network of double precision; inputs and scores of a support, and of a query."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return AdaptedNetwork(2, 4).double(), [torch.randn(*shape).double() for shape in ((5, 2), (5,), (6, 2), (6,))]


def slope_of(function: object, parameter: torch.Tensor, step: float = 1e-5) -> float:
    """Return the derivative by the first entry of a parameter, by central differences."""
    flat, values = parameter.data.view(-1), []
    for sign in (1, -1):
        flat[0] += sign * step
        values.append(function().item())  # type: ignore[operator]
        flat[0] -= sign * step
    return (values[0] - values[1]) / (2 * step)


def test_an_inner_step_goes_down_the_slope_of_the_support_loss() -> None:
    network, (inputs, scores, *_) = task()
    adapted = META_PREDICTORS["maml"](inner_steps=1).adapt(network, inputs, scores)
    assert loss_of(network, adapted, inputs, scores) < loss_of(network, {}, inputs, scores)
    for name, weights in network.named_parameters():
        if name.startswith("rates."):
            continue
        slope = slope_of(lambda: loss_of(network, {}, inputs, scores), weights)
        expected = weights.view(-1)[0].item() - 0.05 * slope
        assert adapted[name].view(-1)[0].item() == pytest.approx(expected, abs=1e-7), name


def test_the_meta_gradient_goes_through_the_inner_loop() -> None:
    network, parts = task()
    learner = META_PREDICTORS["maml"](inner_steps=3)
    for parameter in (network.head.weight, network.body[0].weight, network.rates["head_weight"]):
        (gradient,) = torch.autograd.grad(learner._loss(network, Batch(*parts)), parameter)
        slope = slope_of(lambda: learner._loss(network, Batch(*parts)), parameter)
        assert gradient.view(-1)[0].item() == pytest.approx(slope, rel=1e-4, abs=1e-9)


# -- deep kernel ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("n_each", [0, 4])
def test_likelihood_and_posterior_are_those_of_a_direct_computation(n_each: int) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        module = DeepKernel(7, 6, 3, learn_mean=True, n_each=n_each).double()
        points, scores = torch.randn(9, 7).double(), torch.randn(9).double()
    with torch.no_grad():
        pair = (points, module.features_of(points))
        prior, mean = module.covariance(pair, pair).numpy(), module.mean_of(points).numpy()
        torch.testing.assert_close(module.variance(*pair), module.covariance(pair, pair).diagonal())
        found = float(log_marginal_likelihood(module, points, scores))
    noise = module.likelihood.noise.item()
    covariance = prior + (noise + 1e-4) * np.eye(9)
    expected = multivariate_normal(mean, covariance).logpdf(scores.numpy())
    assert found == pytest.approx(expected + 4.5 * np.log(2 * np.pi), rel=1e-6)
    predicted, deviation = posterior(module, points[:6], scores[:6], points[6:])
    gain = np.linalg.solve(covariance[:6, :6], prior[:6, 6:]).T
    np.testing.assert_allclose(predicted, mean[6:] + gain @ (scores.numpy() - mean)[:6], rtol=1e-5)
    np.testing.assert_allclose(deviation**2, np.diag(prior)[6:] - np.diag(gain @ prior[:6, 6:]) + noise, rtol=1e-5)
    np.testing.assert_allclose(
        posterior(module, points[:0], scores[:0], points)[1] ** 2, np.diag(prior) + noise, rtol=1e-6
    )


def factors() -> np.ndarray:
    """Return two functions of all cells that structure does not determine, shape (2, n_cells); duplicates are equal."""
    return np.random.default_rng(0).standard_normal((2, SPACE.n_architectures))[:, SPACE.canonical(CELLS, rule="zero")]


def made_up(name: str, *weights: float) -> SourceTask:
    return SourceTask(f"made-up/{name}", name, SPACE, CELLS, np.array(weights) @ factors())


def test_what_sources_differ_by_is_learned_from_twenty_labels(tmp_path: Path) -> None:
    sources = [made_up(name, 1, weight) for name, weight in zip("abcde", (2, -2, 1, -1, 0), strict=True)]
    target = made_up("target", 0.2, 1).utilities
    labelled = SPACE.sample(20, np.random.default_rng(1))

    def correlation(predictor: DeepKernelGP) -> float:
        return float(np.corrcoef(predictor.fit(labelled, target[labelled]).predict(CELLS), target)[0, 1])

    with one_thread():
        predictor = DeepKernelGP("tnb101", steps=30)
        predictor.meta_fit(sources)
        assert np.corrcoef(predictor.prior()[0], target)[0, 1] < 0.3, "the mean does not determine it"
        assert correlation(predictor) > 0.9
        saved = SavedMetaModel.load(SavedMetaModel.write(tmp_path / "model.npz", predictor))
        assert correlation(saved.predictor()) == pytest.approx(correlation(predictor), abs=1e-6)
        assert predictor.require_meta_model().summary.each.shape == (4 * len(sources), SPACE.n_architectures)
        few = DeepKernelGP("tnb101", steps=1)
        few.meta_fit(sources[:3])
        assert len(few.require_meta_model().summary.each) == 0, "with few groups the sources are not read one by one"
