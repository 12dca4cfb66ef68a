"""An incident runbook that runs itself, proves itself and rehearses itself."""
