"""Vaulted values that remediate needs, decrypted by Ansible's own program."""

from dataclasses import replace

from remediate.inventory.ansible_program import VAULT as PROGRAM
from remediate.inventory.ansible_program import AnsiblePrograms
from remediate.inventory.ansible_values import VAULT, Leaf, Listing, MappingEntry, Sealed, Tree, Value
from remediate.masking.masker import SHORTEST


class Vault:
    """Decrypts the values of a selection, each once. Nothing is decrypted for an inventory outside the project."""

    def __init__(self, programs: AnsiblePrograms) -> None:
        self._programs = programs
        self._known: dict[str, str] = {}

    def opened(self, variables: Tree, needed: frozenset[str]) -> tuple[Tree, tuple[str, ...]]:
        """Return a host's variables with the needed ones in the clear, and the values that were encrypted.

        Raises ConfigurationError if a needed value cannot be decrypted, or is too short to be masked.
        """
        secrets: dict[str, None] = {}
        entries = tuple(
            replace(entry, value=self._open(entry.value, secrets)) if entry.key in needed else entry
            for entry in variables.entries
        )
        return replace(variables, entries=entries), tuple(secrets)

    def _open(self, value: Value, secrets: dict[str, None]) -> Value:
        match value:
            case Sealed(tag=tag) if tag == VAULT and self._programs.allowed(value.place.file):
                text = self._decrypted(value)
                secrets[text] = None
                return Leaf(text, value.place)
            case Listing(items=items):
                return replace(value, items=tuple(self._open(item, secrets) for item in items))
            case Tree(entries=entries):
                return replace(value, entries=tuple(self._entry(entry, secrets) for entry in entries))
            case _:
                return value

    def _entry(self, entry: MappingEntry, secrets: dict[str, None]) -> MappingEntry:
        return replace(entry, value=self._open(entry.value, secrets))

    def _decrypted(self, sealed: Sealed) -> str:
        if sealed.text not in self._known:
            self._known[sealed.text] = self._programs.decrypted(sealed)
        text = self._known[sealed.text]
        if len(text) < SHORTEST:
            raise sealed.place.error(
                f"is encrypted by {PROGRAM} and shorter than {SHORTEST} characters, which cannot be masked in output:"
                " write it in the clear"
            )
        return text
