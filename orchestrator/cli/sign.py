"""``kdorch ledger sign``: a person's signature under the manifests of collected evidence."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrator.cli.options import say


@click.command(epilog="""\b
Examples:
  kdorch ledger sign --key ~/.ssh/id_ed25519          all evidence that is not signed yet
  kdorch ledger sign --key ~/.ssh/id_ed25519.pub      by the agent, which holds the private half
  echo 'signing_key: ~/.ssh/id_ed25519.pub' >> .kdorch/config.yaml   from now on, whenever evidence is collected
  kdorch ledger verify --signed --allowed-signers allowed_signers
\b
ssh-keygen -Y makes and checks the signatures, in the namespace 'kdorch'; kdorch never reads a private key. A signature
lies beside its manifest as manifest.json.sig, and anyone can check it:
  ssh-keygen -Y verify -f allowed_signers -I ada@h100.example -n kdorch -s manifest.json.sig < manifest.json""")
@click.option("--key", type=click.Path(dir_okay=False, path_type=Path),
              help="An SSH key file; default 'signing_key' of config.yaml.")
def sign(key: Path | None) -> None:
    """Sign the manifests of all collected evidence with an SSH key; what is signed stays as it is."""
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_ledger
    from orchestrator.dispatch.signing import sign_all

    home = Home.from_environment()
    with open_ledger(home, on_upgrade=say) as ledger:
        directories = dict.fromkeys(r.artifact_dir for r in ledger.rows() if r.artifact_dir is not None)
    made, had = sign_all(home, directories, key)
    say(f"{made} manifests signed, {had} were signed already")
