"""Vaulted values that remediate needs, decrypted by Ansible's own program."""

from dataclasses import replace

from remediate.inventory.ansible_program import AnsiblePrograms
from remediate.inventory.ansible_values import VAULT, Leaf, MappingEntry, Sealed, Tree
from remediate.masking.masker import SHORTEST


class Vault:
    """Decrypts the values of a selection, each once. Nothing is decrypted for an inventory outside the project."""

    def __init__(self, programs: AnsiblePrograms) -> None:
        self._programs = programs
        self._known: dict[str, str] = {}

    def opened(self, variables: Tree, needed: frozenset[str]) -> tuple[Tree, tuple[str, ...]]:
        """Return a host's variables, the needed ones decrypted, and the decrypted values.

        Raises ConfigurationError if a needed value cannot be decrypted, or is too short to be masked.
        """
        entries: list[MappingEntry] = []
        secrets: list[str] = []
        for entry in variables.entries:
            value = entry.value
            if entry.key in needed and isinstance(value, Sealed) and self._readable(value):
                secrets.append(self._decrypted(value))
                entries.append(replace(entry, value=Leaf(secrets[-1], value.place)))
            else:
                entries.append(entry)
        return replace(variables, entries=tuple(entries)), tuple(secrets)

    def _readable(self, value: Sealed) -> bool:
        return value.tag == VAULT and self._programs.allowed(value.place.file)

    def _decrypted(self, sealed: Sealed) -> str:
        if sealed.text not in self._known:
            self._known[sealed.text] = self._programs.decrypted(sealed)
        text = self._known[sealed.text]
        if len(text) < SHORTEST:
            raise sealed.place.error(
                f"is encrypted and has less than {SHORTEST} characters, too few to be masked in output:"
                " write it in the clear"
            )
        return text
