"""The parts of `new.remedy` and `new.playbook`: files that pass their tests, to be changed."""
