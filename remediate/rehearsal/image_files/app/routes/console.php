<?php

// The framework's own commands are all this application needs.
