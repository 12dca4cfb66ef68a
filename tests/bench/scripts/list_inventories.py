"""`ansible-inventory --list` of inventories: their paths as arguments, a JSON list as the answer.

The program is started once for all of them, because its start takes most of its time. Run it in a directory without
group_vars, which Ansible would read too.
"""

import json
import sys

from ansible.cli.inventory import InventoryCLI
from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.vars.manager import VariableManager


class Listing(InventoryCLI):
    """The program, asked for one inventory after the other."""

    def run(self):
        """Print the listings."""
        super(InventoryCLI, self).run()
        self.loader, _, _ = self._play_prereqs()  # It knows the vaults' passwords.
        print(json.dumps([self.listed(path) for path in sys.argv[1:]]))  # noqa: T201

    def listed(self, path):
        """Return the listing of one inventory, None if Ansible refuses it."""
        try:
            self.inventory = InventoryManager(loader=self.loader, sources=[path])
        except AnsibleError:
            return None
        self.vm = VariableManager(loader=self.loader, inventory=self.inventory)
        return json.loads(self.dump(self.json_inventory(self._get_group("all"))))


if __name__ == "__main__":
    Listing(["ansible-inventory", "--list", "-i", "localhost,"]).run()
