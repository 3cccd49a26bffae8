"""Rules of the campaign file: where it is found, what is wrong with it, and what the command line may change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from orchestrator.domain.errors import CampaignFileError, UsageError
from orchestrator.planning.campaign_file import load_campaign, shipped_campaigns
from orchestrator.planning.lints import require_clean
from tests.unit.planning_campaigns import CE, KD, load


def refusal(directory: Path, text: str, *settings: str) -> CampaignFileError:
    with pytest.raises(CampaignFileError) as caught:
        load(directory, text, *settings)
    assert caught.value.exit_code == 2
    return caught.value


def test_a_bare_name_is_looked_for_here_first_then_among_the_shipped(tmp_path: Path) -> None:
    assert load_campaign("quickstart", cwd=tmp_path).campaign.campaign == "quickstart"
    assert load_campaign("quickstart.yaml", cwd=tmp_path).campaign.campaign == "quickstart"
    (tmp_path / "quickstart.yaml").write_text(CE)
    assert load_campaign("quickstart", cwd=tmp_path).campaign.campaign == "base"


def test_a_path_is_not_looked_for_among_the_shipped(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no campaign file"):
        load_campaign("./sub/quickstart.yaml", cwd=tmp_path)


def test_a_name_that_is_none_lists_the_shipped_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_campaign("nothing.yaml", cwd=tmp_path)
    assert all(name in str(caught.value.hint) for name in shipped_campaigns())


@pytest.mark.parametrize("reference", ["", "\0", ".", "..", "/", "somewhere", "a\0b", "x" * 5000, "~no-such-user/x"])
def test_what_is_no_file_is_refused(tmp_path: Path, reference: str) -> None:
    (tmp_path / "somewhere").mkdir()
    (tmp_path.parent / f"{tmp_path.name}.yaml").write_text(CE)
    with pytest.raises(UsageError):
        load_campaign(reference, cwd=tmp_path)


def _paths(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield from _paths(inner, (*path, key))


@pytest.mark.parametrize("wrong", [None, True, -1, 1.5, "", "a.best", [], {}, [None], {"from": "teachers.best"}],
                         ids=repr)
def test_anything_in_the_place_of_anything_gives_a_plan_or_one_clear_refusal(tmp_path: Path, wrong: object) -> None:
    outcomes: set[bool] = set()
    for path in _paths(yaml.safe_load(KD)):
        changed = yaml.safe_load(KD)
        place = changed
        for token in path[:-1]:
            place = place[token]
        place[path[-1]] = wrong
        try:
            require_clean(load(tmp_path, json.dumps(changed)))
            message = "fine"
        except UsageError as error:
            message = error.message
        outcomes.add(message != "fine")
        assert message
    assert True in outcomes


@pytest.mark.parametrize(("line", "words"), [
    ("stagess: []", "unknown key 'stagess' (did you mean 'stages'?); expected one of: campaign"),
    ("deadline: 90", "expected a duration with its unit"),
    ("deadline: 40d", "between 1s and 30d"),
    ("deadline: 0s", "between 1s and 30d"),
    ("lane: [a]", "expected a valid string, not a list"),
    ("allow: [no-such-lint]", "there is no lint 'no-such-lint'; lints: constant-weight-kd"),
    ("defaults: 3", "expected a mapping (key: value), not 3"),
    ("defaults: {modell: {}}", "unknown key 'modell' (did you mean 'model'?)"),
    ("defaults: {kd: {alpha: 0.5}}", "no stage distils"),
    ("defaults: {model: {layer: 2}}", "unknown key 'layer' (did you mean 'layers'?)"),
    ("defaults: {model: {layers: 0}}", "expected a value greater than or equal to 1, not 0"),
    ("defaults: {model: {layers: two}}", "expected a valid integer"),
    ("defaults: {model: {layers: true}}", "not true or false"),
    ("defaults: {model: {mlp_multiple: true}}", "not true or false"),  # 1, the default, which a spec leaves out
    ("defaults: {model: 3}", "expected a mapping (key: value), not 3"),
    ("defaults: {precision: fp8}", "expected 'fp32' or 'bf16', not 'fp8'"),
    ("defaults: {optimizer: {lr: nan}}", "expected a finite number"),
    ("defaults: {optimizer: {lr: '-Infinity'}}", "expected a finite number"),
    ("defaults: {schedule: {hold: 0.5, drop_to_base: 0.2}}", "hold must not be later"),
    ("defaults: {data: {corpus: shards}}", "needs both"),
    ("defaults: {data: {corpus: shards, train: /etc/x, validation: y}}", "may not contain"),
    ("defaults: {kd: {teacher: {from: a.best}}}", "the teacher is named by the stage"),
    ("defaults: {stop_at_target: {from: a.best}}", "the stage says this"),
    ("environment: {path: x}", "capitals"),
    ("environment: {LD_PRELOAD: x}", "decides which program runs"),
    ("environment: {PATH: x}", "decides which program runs"),
    ("environment: {HF_TOKEN: abc}", "looks like a secret"),
    ("environment: {AWS_SECRET_ACCESS_KEY: abc}", "looks like a secret"),
    ("environment: {DB_PASSWORD: env:DB_PASSWORD}", "looks like a secret"),
    ('environment: {A: "x\\ny"}', "one line"),
])
def test_a_problem_is_told_with_file_line_key_and_what_was_expected(tmp_path: Path, line: str, words: str) -> None:
    error = refusal(tmp_path, f"campaign: base\n{line}\nstages:\n  - {{name: baseline, role: ce}}\n")
    assert words in error.message
    assert error.message.startswith("c.yaml:2: ")
    assert error.key.startswith(line.partition(":")[0])


def test_a_flag_may_be_written_at_its_default_where_a_spec_leaves_it_out(tmp_path: Path) -> None:
    said = "defaults: {attention: {require_flash: false}, measure: {profile: false}}\n" + CE
    one, other = ([run.identity for run in load(tmp_path, text).layout.runs] for text in (said, CE))
    assert one == other


def test_environment_that_is_no_secret_passes(tmp_path: Path) -> None:
    text = "environment: {OMP_WAIT_POLICY: PASSIVE, TOKENIZERS_PARALLELISM: 'false', OMP_NUM_THREADS: 2}\n" + CE
    assert load(tmp_path, text).campaign.environment["OMP_NUM_THREADS"] == "2"


@pytest.mark.parametrize(("text", "words"), [
    ("", "the file is empty"),
    ("- a\n", "holds no mapping"),
    ("campaign: x\n", "the key 'stages' is missing"),
    ("campaign: x\nstages: []\n", "expected at least 1 in this list"),
    ("campaign: X Y\nstages: [{name: a, role: ce}]\n", "expected a name of small letters, digits and '_', not 'X Y'"),
    ("campaign: x\nstages: [{name: a, role: ce, select: {top: 4 by luck}}]\n",
     "stages.a.select.top: expected N by KEY, such as '4 by steps_to_target', not '4 by luck'"),
    ("campaign: x\ntuple[x]: 1\nstages: [{name: a, role: ce}]\n", "unknown key 'tuple[x]'"),
    ("campaign: x\nretries: {oom: {acton: 1}}\nstages: [{name: a, role: ce}]\n", "(did you mean 'action'?)"),
    ("campaign: x\nlane: a\nhost: b\nstages: [{name: a, role: ce}]\n", "'lane' or 'host', not both"),
    ("campaign: x\nstages: [{name: a, role: ce}, {name: a, role: ce}]\n", "two stages are named 'a'"),
    ("campaign: x\nstages: [{name: a, role: boss}]\n", "expected 'ce', 'teacher', 'kd' or 'measurement'"),
])
def test_a_file_that_is_no_campaign_is_refused(tmp_path: Path, text: str, words: str) -> None:
    assert words in refusal(tmp_path, text).message


def test_all_problems_are_listed_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    message = refusal(tmp_path, """\
        campaign: base
        defaults: {horizon: -1}
        stages:
          - name: one
            role: ce
            spec:
              model: {layers: none}
          - name: two
            role: ce
            axes: {seed: []}
        """).message
    assert [line.split(": ")[0] for line in message.splitlines()] == ["c.yaml:2", "c.yaml:7", "c.yaml:10"]
    assert "stages.one.spec.model.layers: expected a valid integer" in message


@pytest.mark.parametrize(("change", "words"), [
    ("teachers.best → late.best", "there is no stage 'late'; earlier stages: baseline, teachers"),
    ("teachers.best → arms.best", "stage 'arms' refers to itself"),
    ("teachers.best → baseline.best", "stage 'baseline' chooses nothing"),
    ("baseline.first → arms.first", "stage 'arms' comes later"),
    ("baseline.first → teachers.first", "stage 'teachers' refers to itself"),
    ("compare_with: baseline → compare_with: teachers", "expected a stage of role ce; 'teachers' has role teacher"),
    ("compare_with: baseline → compare_with: arms", "refers to itself"),
    ("    policy: {name: teacher-10pct, budget: {fraction: 0.10, of: baseline.first}}\n → ",
     "a teacher stage needs a policy with a budget"),
    ("{name: teacher-10pct, budget: {fraction: 0.10, of: baseline.first}} → kd-best", "no shipped policy 'kd-best'"),
    ("{name: teacher-10pct, budget: {fraction: 0.10, of: baseline.first}} → control", "'control' is for role control"),
    ("{name: teacher-10pct, budget: {fraction: 0.10, of: baseline.first}} → {name: x}", "the gate budget needs"),
    ("fraction: 0.10 → fraction: 0", "greater than 0"),
    ("    teacher: {from: teachers.best}\n → ", "a kd stage needs 'teacher"),
    ("    stop_at_target: true → \n    target: 4.07\n    stop_at_target: true", "can only stop at the loss of"),
    ("    axes: {seed: [0, 1]}\n → \n    controls: true\n", "only a kd stage has control arms"),
    ("name: small, → name: small, checkpoint: {keep_best: false},", "must keep its best checkpoint"),
    ("layers: 1} → layers: 1, vocab_size: 512}", "has a vocabulary of 512"),
    ("select: {best: final_val} → select: {best: steps_to_target}", "steps_to_target needs a target"),
    ("seed: [0, 1]}\n  - name: teachers → seed: [0, 1], optimizer.lr: [1, 2]}\n  - name: teachers",
     "has 2 runs with seed 0"),
])
def test_stages_that_do_not_fit_together_are_refused(tmp_path: Path, change: str, words: str) -> None:
    before, after = change.split(" → ")
    assert before in KD
    error = refusal(tmp_path, KD.replace(before, after))
    assert words in error.message
    assert error.line is not None


def test_set_changes_the_plan_by_dotted_keys_with_stages_and_runs_by_name(tmp_path: Path) -> None:
    source = load(tmp_path, KD, "defaults.horizon=300", "stages.arms.spec.kd.alpha=3e-1",
                  "stages.teachers.runs.small.model.layers=3", "stages.arms.axes.schedule.boost=[5]",
                  "stages.0.axes.seed=[0, 1, 2]", "deadline=1h")
    runs = {r.name: r for r in source.layout.runs}
    assert runs["demo/baseline-s2"].spec.horizon == 300
    assert runs["demo/small-s0"].spec.model.layers == 3
    arm = next(r for r in source.layout.runs if r.role == "kd")
    assert arm.spec.kd is not None
    assert (arm.spec.kd.alpha, arm.spec.schedule.boost) == (0.3, 5.0)
    assert source.campaign.deadline == 3600
    assert source.overrides["set"][0] == "defaults.horizon=300"


@pytest.mark.parametrize(("setting", "words"), [
    ("defaults.horizn=1", "--set defaults.horizn=1: defaults.horizn: unknown key 'horizn' (did you mean 'horizon'?)"),
    ("stages.nobody.spec.seed=1", "there is no 'nobody' in stages"),
    ("stages.9.spec.seed=1", "there is no '9' in stages"),
    ("campaign.x=1", "campaign is a value, nothing can be set below it"),
    ("defaults.horizon", "expected KEY=VALUE"),
    ("=3", "expected KEY=VALUE"),
    ("a..b=3", "expected KEY=VALUE"),
    ("defaults.horizon=[", "the value is not YAML"),
    ("defaults.horizon=.inf", "the value is not YAML"),
    ("defaults.horizon=many", "--set defaults.horizon=many: defaults.horizon: expected a valid integer"),
])
def test_set_that_leads_nowhere_is_refused_by_name(tmp_path: Path, setting: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, KD, setting)
    assert words in caught.value.message


def test_an_override_does_not_change_what_an_alias_repeats(tmp_path: Path) -> None:
    text = "campaign: a\nstages:\n  - {name: x, role: ce, spec: &s {horizon: 10}}\n" \
           "  - {name: y, role: ce, spec: *s, axes: {seed: [1]}}\n"
    runs = load(tmp_path, text, "stages.x.spec.horizon=20").layout.runs
    assert [r.spec.horizon for r in runs] == [20, 10]


def test_the_campaigns_identity_is_what_it_asks_not_how_it_is_worded_or_where_it_runs(tmp_path: Path) -> None:
    one = load(tmp_path, KD)
    again = load(tmp_path, "# a remark\nhost: h100\n" + KD.replace("0.10", "1e-1").replace("5m", "2h"), host="gb10")
    other = load(tmp_path, KD, "defaults.horizon=201")
    assert one.campaign_id == again.campaign_id
    assert one.campaign_id != other.campaign_id
    assert len(one.campaign_id) == 64


@pytest.mark.parametrize(("given", "words"), [
    ("{log_uniform: [0, 1]}", ".log_uniform[0]: expected a value greater than 0, not 0"),
    ("{uniform: [2, 1]}", ": expected [low, high] with low below high"),
    ("{log: [1, 2]}", ".log: unknown key 'log'; expected one of: uniform, log_uniform, digits"),
    ("5", ": expected a mapping (key: value) or a list, not 5"),
])
@pytest.mark.parametrize("search", ["random: {draws: 3, over: OVER}", "search: {optuna: {trials: 4, over: OVER}}"])
def test_of_a_range_or_a_list_only_what_was_meant_is_told_and_in_the_files_words(
        search: str, given: str, words: str, tmp_path: Path) -> None:
    stage = search.replace("OVER", f"{{optimizer.lr: {given}}}")
    with pytest.raises(CampaignFileError) as refused:
        load(tmp_path, f"campaign: x\nstages: [{{name: a, role: ce, {stage}}}]\n")
    assert str(refused.value).endswith(f".over.optimizer.lr{words}")
    assert "\n" not in str(refused.value)
