"""The rules of method by name, each in one sentence. ``allow: [name]`` in a campaign file permits breaking one."""

from __future__ import annotations

from collections.abc import Mapping

LINTS: Mapping[str, str] = {
    "constant-weight-kd": "KD as a constant-weight add-on, with the learning rate of plain CE, wins nothing; "
                          "boost the rate while KD is on",
    "boost-in-ce-tail": "a boosted learning rate held past half the horizon reaches deep into the CE tail and "
                        "keeps the loss from settling once KD has stopped",
    "dynamic-norm-off": "without dynamic normalisation the KD term drifts out of scale with cross-entropy",
    "comparison-mismatch": "a student is compared with a CE run under the same data, batch, validation, horizon and "
                           "seed, or with none",
    "temperature-range": "the temperature stays between 1.0 and 2.0",
    "kd-stop-priors": "KD stops by val_margin with margin 0.05, not before step 25",
    "tied-embeddings": "tied embeddings stay as in the reference",
    "kernel-shapes": "kernels want an even number of heads, and head_dim a multiple of 4",
    "no-controls": "a KD arm without its CE twin proves nothing: the schedule alone may explain what it wins",
    "no-reference": "a KD arm is compared with a CE run of the same seed; name its stage in compare_with",
}
